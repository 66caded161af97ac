"""Becoming a user over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.login_serializers import SecretField
from accounts.api.strangers import StrangersEndpoint
from accounts.models import User
from accounts.services.invitations import accept_invitation
from accounts.services.registration import confirm_registration, register
from tradingsite.core.api.serializers import StrictSerializer, TextField
from tradingsite.core.errors import InvalidInput

MOST_IN_A_PASSWORD = 1024


class RegisterBody(StrictSerializer):
    """Who wants to be a user. With an invitation the e-mail can be left out: it is the invited one."""

    username = TextField(max_length=150)
    email = TextField(max_length=254, required=False)
    password = SecretField(max_length=MOST_IN_A_PASSWORD)
    invitation = TextField(max_length=200, required=False, help_text="The token of the link.")


class ConfirmBody(StrictSerializer):
    token = TextField(max_length=200, help_text="The token of the link in the mail.")


MADE = inline_serializer(
    "NewUser", {"username": serializers.CharField(), "roles": serializers.ListField(child=serializers.CharField())}
)
GOES_ON = inline_serializer("GoesOn", {"detail": serializers.CharField()})


class RegisterView(StrangersEndpoint):
    """Registering, or accepting an invitation."""

    @extend_schema(
        operation_id="auth_register",
        summary="Register, or accept an invitation",
        request=RegisterBody,
        responses={201: MADE, 202: GOES_ON},
        description=(
            "With an invitation the user is made at once (201). Without one the answer is always the same (202), "
            "whether name and e-mail are known or not, and what comes next stands in a mail."
        ),
    )
    def post(self, request: Request) -> Response:
        values = self.body(RegisterBody)
        token = values.pop("invitation", None)
        if token is not None:
            user = accept_invitation(caller=self.caller, token=token, **values)
            return Response(made(user), status=201)
        if "email" not in values:
            raise InvalidInput.field("email", "An e-mail is needed: the registration goes on there.", code="required")
        register(caller=self.caller, **values)
        return Response({"detail": "Read your mail: the registration goes on there."}, status=202)


class ConfirmRegistrationView(StrangersEndpoint):
    """Confirming a registration."""

    @extend_schema(
        operation_id="auth_register_confirm",
        summary="Confirm a registration by the token that came by mail",
        request=ConfirmBody,
        responses={201: MADE},
    )
    def post(self, request: Request) -> Response:
        user = confirm_registration(caller=self.caller, **self.body(ConfirmBody))
        return Response(made(user), status=201)


def made(user: User) -> dict[str, Any]:
    """The answer of a user who was made just now."""
    return {"username": user.username, "roles": sorted(user.groups.values_list("name", flat=True))}
