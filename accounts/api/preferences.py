"""What people set for themselves, over HTTP."""

from __future__ import annotations

from typing import Any, cast

from django.utils.http import parse_etags
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Theme, User, UserSettings
from accounts.notifications import NOTIFICATIONS
from accounts.services.preferences import all_notifications, change_settings, settings_of, stored_settings_of
from tradingsite.core.api.conditional import etag_of, if_match
from tradingsite.core.api.permissions import SignedIn
from tradingsite.core.api.serializers import FlagField, IdField, RowSerializer, StrictSerializer, TextField
from tradingsite.core.api.viewsets import Endpoint


class NotificationsBody(StrictSerializer):
    """Each on or off; what is left out stays as it is."""

    def get_fields(self) -> dict[str, Any]:
        return {name: FlagField(required=False, help_text=choice.label) for name, choice in NOTIFICATIONS.items()}


class SettingsSerializer(RowSerializer[UserSettings]):
    notifications = serializers.SerializerMethodField(help_text="Each on or off.")

    class Meta:
        model = UserSettings
        fields = ["time_zone", "theme", "default_portfolio", "notifications"]

    def get_notifications(self, settings: UserSettings) -> dict[str, bool]:
        return all_notifications(settings)


class SettingsBody(StrictSerializer):
    time_zone = TextField(max_length=64, required=False, help_text="As in America/New_York; the API itself stays UTC.")
    theme = serializers.ChoiceField(choices=Theme.choices, required=False)
    default_portfolio = IdField(required=False, allow_null=True)
    notifications = NotificationsBody(required=False)


class SettingsView(Endpoint):
    """One's own settings."""

    permission_classes = [SignedIn]

    def get_object(self) -> UserSettings:
        user = cast(User, self.actor.user)
        # A change locks the row, which users of an earlier version do not have yet.
        return stored_settings_of(user) if self.request.method == "PATCH" else settings_of(user)

    def current_etag(self) -> str:
        return etag_of(SettingsSerializer(self.get_object()).data)

    @extend_schema(operation_id="auth_settings", summary="One's own settings", responses=SettingsSerializer)
    def get(self, request: Request) -> Response:
        response = Response(SettingsSerializer(self.get_object()).data)
        etag = etag_of(response.data)
        known = parse_etags(request.headers.get("If-None-Match", ""))
        if "*" in known or etag in {tag.removeprefix("W/") for tag in known}:
            response = Response(status=304)
        response["ETag"] = etag
        return response

    @extend_schema(
        operation_id="auth_settings_change",
        summary="Change one's own settings; not with a key",
        request=SettingsBody,
        responses=SettingsSerializer,
        description="With `If-Match` only if they are still the ones that the caller knows.",
    )
    @if_match
    def patch(self, request: Request) -> Response:
        values = self.body(SettingsBody, partial=True)
        return Response(SettingsSerializer(change_settings(actor=self.actor, values=values)).data)
