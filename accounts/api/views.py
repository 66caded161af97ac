"""People, roles and keys over HTTP."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any, cast

from django.db import models
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.filters import ApiKeyFilters, RoleFilters, UserFilters
from accounts.api.serializers import (
    ME,
    ApiKeySerializer,
    KeyChange,
    NewKeyBody,
    NewKeySerializer,
    OwnNamesBody,
    RevokedKeySerializer,
    RoleSerializer,
    RotateBody,
    UserSerializer,
)
from accounts.api.who import who
from accounts.models import ApiKey, Role, User
from accounts.selectors import key_deeds
from accounts.services.api_keys import (
    DEFAULT_OVERLAP,
    NewKey,
    create_api_key,
    rename_api_key,
    revoke_api_key,
    rotate_api_key,
)
from accounts.services.key_limits import KeyLimits
from accounts.services.preferences import change_own_names
from tradingsite.core.api.permissions import SignedIn
from tradingsite.core.api.serializers import EmptyBody
from tradingsite.core.api.viewsets import Endpoint, ReadOnlyScopedViewSet

LIMITS = frozenset(field.name for field in fields(KeyLimits))
NO_KEY = "A key never mints a key: through one this is 403. Log in for it, or use the admin or `create_api_key`."


@extend_schema_view(list=extend_schema(summary="Users"), retrieve=extend_schema(summary="One user"))
class UserViewSet(ReadOnlyScopedViewSet):
    model = User
    serializer_class = UserSerializer
    filterset_class = UserFilters
    keyset = ("username",)
    prefetched = ("groups",)


@extend_schema_view(list=extend_schema(summary="Roles"), retrieve=extend_schema(summary="One role"))
class RoleViewSet(ReadOnlyScopedViewSet):
    model = Role
    serializer_class = RoleSerializer
    filterset_class = RoleFilters
    keyset = ("name",)
    prefetched = ("permissions__content_type",)

    def rows(self, model: type[models.Model]) -> QuerySet[Any]:
        """All of them: a role is nobody's own, and its manager is Django's."""
        return Role.objects.all()


@extend_schema_view(list=extend_schema(summary="API keys"), retrieve=extend_schema(summary="One API key"))
class ApiKeyViewSet(ReadOnlyScopedViewSet):
    model = ApiKey
    serializer_class = ApiKeySerializer
    filterset_class = ApiKeyFilters
    related = ("owner",)
    permissions = {"rotate": "accounts.add_apikey"}
    never_replayed = frozenset({"create", "rotate"})  # their answers hold a secret

    def get_permissions(self) -> Any:
        # Any key may end itself, so the service decides.
        return [SignedIn()] if self.action == "revoke" else super().get_permissions()

    @extend_schema(
        summary="Make a key; not with a key", request=NewKeyBody, responses={201: NewKeySerializer}, description=NO_KEY
    )
    def create(self, request: Request) -> Response:
        values = self.body(NewKeyBody)
        given = {name: values.pop(name) for name in LIMITS if name in values}
        owner = cast(User, self.actor.user)
        return shown_once(create_api_key(actor=self.actor, owner=owner, limits=KeyLimits(**given), **values))

    @extend_schema(summary="Rename a key", request=KeyChange, responses=ApiKeySerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        key = self.get_object()
        values = self.body(KeyChange, partial=True)
        return Response(ApiKeySerializer(rename_api_key(actor=self.actor, key=key, **values)).data)

    @extend_schema(
        summary="Make the key that follows; not with a key",
        request=RotateBody,
        responses={201: NewKeySerializer},
        description=NO_KEY,
    )
    def rotate(self, request: Request, pk: str) -> Response:
        key = self.get_object()
        hours = self.body(RotateBody).get("overlap_hours")
        overlap = DEFAULT_OVERLAP if hours is None else timedelta(hours=hours)
        return shown_once(rotate_api_key(actor=self.actor, key=key, overlap=overlap))

    @extend_schema(summary="End a key at once, and learn what it did", request=None, responses=RevokedKeySerializer)
    def revoke(self, request: Request, pk: str) -> Response:
        key = self.get_object()
        self.body(EmptyBody)
        key = revoke_api_key(actor=self.actor, key=key)
        return Response({**ApiKeySerializer(key).data, "did": asdict(key_deeds(key))})


def shown_once(new: NewKey) -> Response:
    """The answer with the key's text, which nobody on the way may keep."""
    body = {**ApiKeySerializer(new.key).data, "key": new.text}
    return Response(body, status=201, headers={"Cache-Control": "no-store"})


class MeView(Endpoint):
    """Who the caller is."""

    permission_classes = [SignedIn]

    @extend_schema(operation_id="auth_me", summary="Who am I, and what may I do?", responses=ME)
    def get(self, request: Request) -> Response:
        return self._answer(cast(User, request.user))

    @extend_schema(
        operation_id="auth_me_change",
        summary="Change one's own names; not with a key",
        request=OwnNamesBody,
        responses=ME,
    )
    def patch(self, request: Request) -> Response:
        return self._answer(change_own_names(actor=self.actor, values=self.body(OwnNamesBody, partial=True)))

    def _answer(self, user: User) -> Response:
        auth = self.request.auth
        return Response(who(self.actor, user, auth if isinstance(auth, ApiKey) else None))
