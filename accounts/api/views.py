"""People, roles and keys over HTTP. A key never makes a key, so there is no way to make one here."""

from __future__ import annotations

from typing import Any, cast

from django.db import models
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.filters import ApiKeyFilters, RoleFilters, UserFilters
from accounts.api.serializers import ME, ApiKeySerializer, RoleSerializer, UserSerializer
from accounts.models import ApiKey, Role, User
from accounts.services.api_keys import revoke_api_key
from tradingsite.core.api.permissions import SignedIn
from tradingsite.core.api.serializers import EmptyBody
from tradingsite.core.api.viewsets import Endpoint, ReadOnlyScopedViewSet


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
    permissions = {"revoke": "accounts.change_apikey"}

    @extend_schema(summary="End a key at once", request=None, responses=ApiKeySerializer)
    def revoke(self, request: Request, pk: str) -> Response:
        key = self.get_object()
        self.body(EmptyBody)
        return Response(ApiKeySerializer(revoke_api_key(actor=self.actor, key=key)).data)


class MeView(Endpoint):
    """Who the caller is."""

    permission_classes = [SignedIn]

    @extend_schema(operation_id="auth_me", summary="Who am I, and what may I do?", responses=ME)
    def get(self, request: Request) -> Response:
        user = cast(User, request.user)
        return Response(
            {
                "id": user.pk,
                "username": user.username,
                "email": user.email,
                "roles": sorted(user.groups.values_list("name", flat=True)),
                "permissions": sorted(user.get_all_permissions()),
                "sees_everything": self.actor.sees_everything,
                "api_key": ApiKeySerializer(request.auth).data if isinstance(request.auth, ApiKey) else None,
            }
        )
