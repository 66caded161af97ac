"""One's own e-mail over HTTP."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.login_serializers import SecretField
from accounts.api.registration import GOES_ON, MOST_IN_A_PASSWORD
from accounts.api.strangers import StrangersEndpoint
from accounts.services.emails import LONGEST_TOKEN, confirm_email_change, request_email_change
from tradingsite.core.api.permissions import SignedIn
from tradingsite.core.api.serializers import StrictSerializer, TextField
from tradingsite.core.api.viewsets import Endpoint


class ChangeEmailBody(StrictSerializer):
    email = TextField(max_length=254)
    current_password = SecretField(max_length=MOST_IN_A_PASSWORD)


class ConfirmEmailBody(StrictSerializer):
    token = TextField(max_length=LONGEST_TOKEN, help_text="The token of the link in the mail.")


class ChangeEmailView(Endpoint):
    """Asking for another e-mail."""

    permission_classes = [SignedIn]
    never_replayed = frozenset({"post"})

    @extend_schema(
        operation_id="auth_email_change",
        summary="Have a link sent to a new e-mail of one's own; not with a key",
        request=ChangeEmailBody,
        responses={202: GOES_ON},
        description=(
            "The answer is always the same, whether somebody has this e-mail or not; the old one gets a notice. "
            "A wrong current password counts as a failed log-in. Through a key this is 403."
        ),
    )
    def post(self, request: Request) -> Response:
        request_email_change(actor=self.actor, **self.body(ChangeEmailBody))
        return Response({"detail": "Read the mail of the new e-mail: the change goes on there."}, status=202)


class ConfirmEmailView(StrangersEndpoint):
    """Confirming it."""

    @extend_schema(
        operation_id="auth_email_confirm",
        summary="Change to the new e-mail by the token that came by mail",
        request=ConfirmEmailBody,
        responses={204: None},
        description=(
            "The token is good once and for a day; another password or another e-mail ends it. All log-ins end."
        ),
    )
    def post(self, request: Request) -> Response:
        confirm_email_change(caller=self.caller, **self.body(ConfirmEmailBody))
        return Response(status=204)
