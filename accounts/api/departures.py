"""Deactivating and reactivating people over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import UserSerializer
from accounts.models import User
from accounts.services.deactivation import LONGEST_REASON, deactivate_user, reactivate_user
from tradingsite.core.api.serializers import EmptyBody, IdField, StrictSerializer, TextField
from tradingsite.core.api.viewsets import ScopedViewSet


class DeactivateBody(StrictSerializer):
    """What is left out stays: nothing is handed over."""

    hand_over_to = IdField(
        required=False, allow_null=True, help_text="The active user who gets the portfolios and watchlists."
    )
    reason = TextField(required=False, allow_blank=True, max_length=LONGEST_REASON)


class DeactivatedSerializer(UserSerializer):
    """A deactivated user, what ended with that and what was handed over."""

    ended = serializers.ListField(child=serializers.CharField(), help_text="A line each.")
    handed_over = serializers.ListField(child=serializers.CharField(), help_text="A line each.")

    class Meta(UserSerializer.Meta):
        fields = [*UserSerializer.Meta.fields, "ended", "handed_over"]


class UserDepartureViewSet(ScopedViewSet):
    """What happens to a user as a whole."""

    model = User
    serializer_class = UserSerializer
    prefetched = ("groups",)
    permissions = {"deactivate": "accounts.change_user", "reactivate": "accounts.change_user"}

    @extend_schema(
        summary="Deactivate a user, and hand over what is theirs",
        description=(
            "Ends the user's API keys, log-ins, sessions and open invitations at once, in one transaction. "
            "Calling it again for a deactivated user hands over what is left."
        ),
        request=DeactivateBody,
        responses=DeactivatedSerializer,
    )
    def deactivate(self, request: Request, pk: str) -> Response:
        user = self.get_object()
        values: dict[str, Any] = self.body(DeactivateBody)
        receiver = values.pop("hand_over_to", None)
        if receiver is not None:
            values["hand_over_to"] = self.named(User, receiver, field="hand_over_to")
        departed = deactivate_user(actor=self.actor, user=user, **values)
        told = {"ended": departed.ended, "handed_over": departed.handed_over}
        return Response({**UserSerializer(departed.user).data, **told})

    @extend_schema(
        summary="Let a deactivated user log in again",
        description="Nothing else comes back: keys stay revoked, log-ins ended, portfolios where they are.",
        request=None,
        responses=UserSerializer,
    )
    def reactivate(self, request: Request, pk: str) -> Response:
        user = self.get_object()
        self.body(EmptyBody)
        return Response(UserSerializer(reactivate_user(actor=self.actor, user=user)).data)
