"""How people, roles and keys are answered; nothing secret ever is."""

from __future__ import annotations

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from accounts.models import ApiKey, Role, User
from tradingsite.core.api.serializers import RowSerializer


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


class ApiKeySerializer(RowSerializer[ApiKey]):
    owner = serializers.CharField(source="owner.username")

    class Meta:
        model = ApiKey
        fields = ["id", "owner", "name", "public_id", "created_at", "expires_at", "revoked_at", "last_used_at"]


ME = inline_serializer(
    "Me",
    {
        "id": serializers.IntegerField(),
        "username": serializers.CharField(),
        "email": serializers.CharField(allow_null=True),
        "roles": serializers.ListField(child=serializers.CharField()),
        "permissions": serializers.ListField(child=serializers.CharField()),
        "sees_everything": serializers.BooleanField(help_text="Whether everybody's rows are visible."),
        "api_key": ApiKeySerializer(allow_null=True),
    },
)
