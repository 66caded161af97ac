"""How people, roles and keys are answered; nothing secret ever is."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from accounts.models import ApiKey, Role, User
from accounts.scopes import SCOPES
from tradingsite.core import clock
from tradingsite.core.api.serializers import (
    ExactDecimalField,
    FlagField,
    IdField,
    MomentField,
    RowSerializer,
    StrictSerializer,
    SymbolField,
    TextField,
    WholeNumberField,
)
from tradingsite.core.decimals import MONEY_PLACES


class UserSerializer(RowSerializer[User]):
    roles = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = [
            "id",
            "username",
            "email",
            "first_name",
            "last_name",
            "is_active",
            "roles",
            "date_joined",
            "last_login",
        ]

    def get_roles(self, user: User) -> list[str]:
        return sorted(group.name for group in user.groups.all())


class RoleSerializer(RowSerializer[Role]):
    permissions = serializers.SerializerMethodField(help_text="As in portfolio.add_watchlist.")

    class Meta:
        model = Role
        fields = ["id", "name", "permissions"]

    def get_permissions(self, role: Role) -> list[str]:
        return sorted(f"{held.content_type.app_label}.{held.codename}" for held in role.permissions.all())


def texts(help_text: str, **kwargs: Any) -> serializers.ListField:
    """A list of texts, or null for no limit."""
    return serializers.ListField(child=serializers.CharField(), allow_null=True, help_text=help_text, **kwargs)


class ApiKeySerializer(RowSerializer[ApiKey]):
    owner = serializers.CharField(source="owner.username")
    state = serializers.SerializerMethodField(help_text="active, rotating, expired or revoked.")
    scopes = texts("null: the owner's rights, but administration.")
    allowed_addresses = texts("Networks that it works from; null: from anywhere.")
    symbols = texts("The symbols that it may trade; null: all.")

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "owner",
            "name",
            "public_id",
            "state",
            "scopes",
            "allowed_addresses",
            "portfolio",
            "symbols",
            "daily_notional",
            "created_at",
            "expires_at",
            "rotated_to",
            "overlap_until",
            "revoked_at",
            "last_used_at",
        ]

    def get_state(self, key: ApiKey) -> str:
        return key.state(clock.now())


class NewKeySerializer(ApiKeySerializer):
    """A key just made, with its text, shown this once."""

    key = serializers.CharField(help_text="The key itself. It can't be shown again.")

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "key"]


class RevokedKeySerializer(ApiKeySerializer):
    """A revoked key, and what it did while it worked."""

    did = inline_serializer(
        "KeyDeeds",
        {
            "audit_entries": serializers.IntegerField(),
            "first_entry_at": serializers.DateTimeField(allow_null=True),
            "last_entry_at": serializers.DateTimeField(allow_null=True),
            "last_used_at": serializers.DateTimeField(allow_null=True),
            "addresses": serializers.ListField(child=serializers.CharField(), help_text="The first 20."),
        },
    )

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "did"]


class NewKeyBody(StrictSerializer):
    """A key of the caller's own. What is left out is no limit; it lasts 90 days unless told otherwise."""

    name = TextField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=list(SCOPES)), required=False, allow_null=True, max_length=len(SCOPES)
    )
    allowed_addresses = texts("Networks, as in 10.0.0.0/8.", required=False, max_length=100)
    portfolio = IdField(required=False, allow_null=True, help_text="The only portfolio that it sees.")
    symbols = serializers.ListField(child=SymbolField(), required=False, allow_null=True, max_length=100)
    daily_notional = ExactDecimalField(places=MONEY_PLACES, required=False, allow_null=True)
    expires_at = MomentField(required=False, allow_null=True)
    never_expires = FlagField(required=False)


class KeyChange(StrictSerializer):
    """All that can change about a key; for other limits make another one."""

    name = TextField(max_length=100)


class RotateBody(StrictSerializer):
    overlap_hours = WholeNumberField(
        min_value=0, max_value=168, required=False, help_text="How long the old key works on; 24 unless told otherwise."
    )


class OwnNamesBody(StrictSerializer):
    """What people change about themselves."""

    first_name = TextField(max_length=150, allow_blank=True, required=False)
    last_name = TextField(max_length=150, allow_blank=True, required=False)


ME = inline_serializer(
    "Me",
    {
        "id": serializers.IntegerField(),
        "username": serializers.CharField(),
        "email": serializers.CharField(allow_null=True),
        "first_name": serializers.CharField(),
        "last_name": serializers.CharField(),
        "roles": serializers.ListField(child=serializers.CharField()),
        "permissions": serializers.ListField(child=serializers.CharField()),
        "sees_everything": serializers.BooleanField(help_text="Whether everybody's rows are visible."),
        "api_key": ApiKeySerializer(allow_null=True),
    },
)
