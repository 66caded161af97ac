"""What logging in takes and answers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from accounts.api.authentication import WebLogin
from accounts.models import LoginSession
from accounts.second_factor_codes import MOST_CHARACTERS as MOST_CODE_CHARACTERS
from accounts.selectors import state_of_login
from accounts.tokens import MOST_CHARACTERS
from tradingsite.core.api.serializers import FlagField, RowSerializer, StrictSerializer, TextField


class SecretField(serializers.CharField):
    """A text that is taken as it is, blanks and all; never shown in an error."""

    default_error_messages = {"not_text": "Enter a text."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("not_text")
        return super().to_internal_value(data)


class LoginBody(StrictSerializer):
    """Who logs in."""

    username = TextField(max_length=150)
    password = SecretField(max_length=1024)
    otp = SecretField(
        max_length=MOST_CODE_CHARACTERS,
        required=False,
        allow_blank=True,
        help_text="A code of the second factor, or a recovery code; asked for (`otp_required`) where there is one.",
    )


class RefreshBody(StrictSerializer):
    refresh = SecretField(max_length=MOST_CHARACTERS)


class LogoutBody(StrictSerializer):
    refresh = SecretField(max_length=MOST_CHARACTERS, required=False, help_text="Instead of an access token.")
    everywhere = FlagField(required=False, help_text="All log-ins of the user, and their sessions of the admin.")


TOKENS = inline_serializer(
    "TokenPair",
    {
        "access": serializers.CharField(help_text="Send it as `Authorization: Bearer …`."),
        "refresh": serializers.CharField(help_text="Good for one `auth/token/refresh/`."),
        "access_expires_at": serializers.DateTimeField(),
        "refresh_expires_at": serializers.DateTimeField(),
        "token_type": serializers.CharField(help_text="Bearer"),
    },
)


class LoginSerializer(RowSerializer[LoginSession]):
    user = serializers.CharField(source="user.username")
    state = serializers.SerializerMethodField(help_text="active, expired or ended.")
    is_current = serializers.SerializerMethodField(help_text="Whether this request came by it.")

    class Meta:
        model = LoginSession
        fields = [
            "id",
            "user",
            "state",
            "is_current",
            "started_at",
            "refreshed_at",
            "expires_at",
            "ended_at",
            "end_reason",
            "address",
            "user_agent",
        ]

    def get_state(self, login: LoginSession) -> str:
        return state_of_login(login)

    def get_is_current(self, login: LoginSession) -> bool:
        auth = getattr(self.context.get("request"), "auth", None)
        return isinstance(auth, WebLogin) and auth.login_id == login.public_id
