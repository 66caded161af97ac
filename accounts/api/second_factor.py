"""One's own second factor over HTTP: for people who are logged in, never for a key."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.second_factor_codes import MOST_CHARACTERS
from accounts.second_factor_state import has_second_factor, lacks_second_factor, recovery_codes_left
from accounts.services.second_factor import (
    begin_second_factor,
    confirm_second_factor,
    pending_factor,
    remove_second_factor,
    renew_recovery_codes,
)
from tradingsite.core.api.serializers import EmptyBody, StrictSerializer, TextField
from tradingsite.core.api.viewsets import Endpoint
from tradingsite.core.errors import Forbidden
from tradingsite.core.http import api_actor

NO_STORE = {"Cache-Control": "no-store"}
_NO_KEY = "For people: with an API key this is 403. Log in with `auth/token/`."


class CodeBody(StrictSerializer):
    """A code of the app, or a recovery code."""

    code = TextField(max_length=MOST_CHARACTERS)


STATE = inline_serializer(
    "SecondFactorState",
    {
        "is_on": serializers.BooleanField(help_text="Whether a log-in asks for a code."),
        "is_begun": serializers.BooleanField(help_text="Whether a secret waits for its first code."),
        "is_missing": serializers.BooleanField(help_text="Whether the site demands one, and there is none."),
        "recovery_codes_left": serializers.IntegerField(),
    },
)
NEW_FACTOR = inline_serializer(
    "NewSecondFactor",
    {
        "secret": serializers.CharField(help_text="In base32, to be typed into the app."),
        "uri": serializers.CharField(help_text="otpauth://…, to be shown as a QR code."),
    },
)
RECOVERY_CODES = inline_serializer(
    "RecoveryCodes",
    {
        "recovery_codes": serializers.ListField(
            child=serializers.CharField(), help_text="Each is good once. They can't be shown again."
        )
    },
)


class NotByKey(BasePermission):
    """A person who is logged in."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        if request.method not in view.allowed_methods:
            # What nobody can do here is not a question of who asks.
            raise MethodNotAllowed(str(request.method))
        if api_actor(request).key_id:
            raise Forbidden("An API key can't touch the second factor of a person: log in.")
        return True


class SecondFactorEndpoint(Endpoint):
    """What the four have in common: nothing of their answers is kept for a replay."""

    permission_classes = [NotByKey]
    never_replayed = frozenset({"post"})

    def code(self) -> str:
        return cast(str, self.body(CodeBody)["code"])


class SecondFactorView(SecondFactorEndpoint):
    """Whether it is on; beginning to set it up."""

    @extend_schema(operation_id="auth_totp", summary="My second factor", description=_NO_KEY, responses=STATE)
    def get(self, request: Request) -> Response:
        user = cast(User, self.actor.user)
        is_on = has_second_factor(user)
        return Response(
            {
                "is_on": is_on,
                "is_begun": not is_on and pending_factor(actor=self.actor) is not None,
                "is_missing": lacks_second_factor(user),
                "recovery_codes_left": recovery_codes_left(user),
            },
            headers=NO_STORE,
        )

    @extend_schema(
        operation_id="auth_totp_begin",
        summary="Begin to set a second factor up",
        description=f"It is asked for once `auth/totp/confirm/` got a code of it. 409 when one is on. {_NO_KEY}",
        request=None,
        responses={201: NEW_FACTOR},
    )
    def post(self, request: Request) -> Response:
        self.body(EmptyBody)
        new = begin_second_factor(actor=self.actor)
        return Response({"secret": new.secret, "uri": new.uri}, status=201, headers=NO_STORE)


class ConfirmView(SecondFactorEndpoint):
    @extend_schema(
        operation_id="auth_totp_confirm",
        summary="Switch the second factor on with a code of the app",
        description=f"Answers ten recovery codes, this once. {_NO_KEY}",
        request=CodeBody,
        responses=RECOVERY_CODES,
    )
    def post(self, request: Request) -> Response:
        return shown_once(confirm_second_factor(actor=self.actor, code=self.code()))


class RecoveryCodesView(SecondFactorEndpoint):
    @extend_schema(
        operation_id="auth_totp_recovery_codes",
        summary="Ten new recovery codes; the earlier ones end",
        description=_NO_KEY,
        request=CodeBody,
        responses=RECOVERY_CODES,
    )
    def post(self, request: Request) -> Response:
        return shown_once(renew_recovery_codes(actor=self.actor, code=self.code()))


class RemoveView(SecondFactorEndpoint):
    @extend_schema(
        operation_id="auth_totp_remove",
        summary="Switch the second factor off with a last code",
        description=_NO_KEY,
        request=CodeBody,
        responses={204: OpenApiResponse(description="It is off.")},
    )
    def post(self, request: Request) -> Response:
        remove_second_factor(actor=self.actor, code=self.code())
        return Response(status=204)


def shown_once(codes: list[str]) -> Response:
    """The answer with the recovery codes, which nobody on the way may keep."""
    return Response({"recovery_codes": codes}, headers=NO_STORE)
