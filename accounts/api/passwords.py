"""One's own password over HTTP."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.login_serializers import SecretField
from accounts.api.registration import GOES_ON, MOST_IN_A_PASSWORD
from accounts.api.strangers import StrangersEndpoint
from accounts.services.passwords import change_own_password, request_password_reset, reset_password
from tradingsite.core.api.permissions import SignedIn
from tradingsite.core.api.serializers import StrictSerializer, TextField
from tradingsite.core.api.viewsets import Endpoint


class ChangeBody(StrictSerializer):
    current_password = SecretField(max_length=MOST_IN_A_PASSWORD)
    new_password = SecretField(max_length=MOST_IN_A_PASSWORD)


class ResetBody(StrictSerializer):
    email = TextField(max_length=254)


class NewPasswordBody(StrictSerializer):
    token = TextField(max_length=200, help_text="The token of the link in the mail.")
    new_password = SecretField(max_length=MOST_IN_A_PASSWORD)


class ChangePasswordView(Endpoint):
    """Changing one's own password."""

    permission_classes = [SignedIn]
    never_replayed = frozenset({"post"})

    @extend_schema(
        operation_id="auth_password_change",
        summary="Change one's own password; not with a key",
        request=ChangeBody,
        responses={204: None},
        description=(
            "The other log-ins end. A wrong current password counts as a failed log-in. Through a key this is 403."
        ),
    )
    def post(self, request: Request) -> Response:
        change_own_password(actor=self.actor, **self.body(ChangeBody))
        return Response(status=204)


class ResetPasswordView(StrangersEndpoint):
    """Asking for a new password."""

    @extend_schema(
        operation_id="auth_password_reset",
        summary="Have a link to a new password sent by mail",
        request=ResetBody,
        responses={202: GOES_ON},
        description="The answer is always the same, whether a user has this e-mail or not.",
    )
    def post(self, request: Request) -> Response:
        request_password_reset(caller=self.caller, **self.body(ResetBody))
        return Response({"detail": "If a user has this e-mail, a link is on its way."}, status=202)


class ConfirmResetView(StrangersEndpoint):
    """Choosing the new password."""

    @extend_schema(
        operation_id="auth_password_reset_confirm",
        summary="Choose a new password by the token that came by mail",
        request=NewPasswordBody,
        responses={204: None},
        description="The token is good once and for an hour. All log-ins end.",
    )
    def post(self, request: Request) -> Response:
        reset_password(caller=self.caller, **self.body(NewPasswordBody))
        return Response(status=204)
