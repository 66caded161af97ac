"""Invitations over HTTP."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Invitation
from accounts.services.invitations import invite, revoke_invitation, state_of
from tradingsite.core.api.serializers import EmptyBody, RowSerializer, StrictSerializer, TextField
from tradingsite.core.api.viewsets import ReadOnlyScopedViewSet


class InvitationSerializer(RowSerializer[Invitation]):
    owner = serializers.CharField(source="owner.username")
    roles = serializers.ListField(child=serializers.CharField(), help_text="Empty: viewer.")
    state = serializers.SerializerMethodField(help_text="open, accepted, revoked or expired.")

    class Meta:
        model = Invitation
        fields = ["id", "owner", "email", "roles", "state", "created_at", "expires_at", "accepted_at", "revoked_at"]

    def get_state(self, invitation: Invitation) -> str:
        return state_of(invitation)


class NewInvitationSerializer(InvitationSerializer):
    """An invitation just made."""

    link = serializers.CharField(help_text="Empty where it went by mail; else it is shown this once.")

    class Meta(InvitationSerializer.Meta):
        fields = [*InvitationSerializer.Meta.fields, "link"]


class InvitationBody(StrictSerializer):
    email = TextField(max_length=254)
    roles = serializers.ListField(child=TextField(max_length=150), required=False, max_length=20)


@extend_schema_view(list=extend_schema(summary="Invitations"), retrieve=extend_schema(summary="One invitation"))
class InvitationViewSet(ReadOnlyScopedViewSet):
    model = Invitation
    serializer_class = InvitationSerializer
    related = ("owner",)
    permissions = {"revoke": "accounts.change_invitation"}
    never_replayed = frozenset({"create"})  # its answer may hold a link

    @extend_schema(
        summary="Invite somebody",
        request=InvitationBody,
        responses={201: NewInvitationSerializer},
        description="The link goes by mail; where no mail is set up the answer has it, this once.",
    )
    def create(self, request: Request) -> Response:
        new = invite(actor=self.actor, **self.body(InvitationBody))
        body = {**InvitationSerializer(new.invitation).data, "link": new.link}
        return Response(body, status=201, headers={"Cache-Control": "no-store"})

    @extend_schema(summary="Take an invitation back", request=None, responses=InvitationSerializer)
    def revoke(self, request: Request, pk: str) -> Response:
        invitation = self.get_object()
        self.body(EmptyBody)
        return Response(InvitationSerializer(revoke_invitation(actor=self.actor, invitation=invitation)).data)
