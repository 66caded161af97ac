"""Roles: the built-in ones to look at, staff's own to change."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.models import Role
from accounts.roles import ROLES
from accounts.services.custom_roles import permission_names, save_role
from tradingsite.core.actor import Actor
from tradingsite.core.admin.base import ScopedModelAdmin
from tradingsite.core.admin.forms import DeskModelForm
from tradingsite.core.admin.transfer import ExportPages
from tradingsite.core.http import admin_actor

# Django's own tables, which no page of ours shows.
_HIDDEN_APPS = ("admin", "auth", "contenttypes", "sessions")


class PermissionField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # generic in the stubs only
    """Rights by the names that the software uses."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.content_type.app_label}.{obj.codename}"


class RoleForm(DeskModelForm):
    """A name and the rights that the person who gives them has."""

    rights = PermissionField(
        queryset=Permission.objects.none(), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = Role
        fields = ("name",)


@admin.register(Role)
class RoleAdmin(ExportPages, ScopedModelAdmin):
    """Roles belong to nobody: who may see them sees all of them."""

    form = RoleForm
    list_display = ("name", "kind", "people", "right_count")
    search_fields = ("name",)
    ordering = ("name",)
    fieldsets = ((None, {"fields": ("name", "rights")}),)
    add_fieldsets = fieldsets
    export_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Django's groups have no visible_to; the model permission alone decides.
        return Role.objects.annotate(
            user_count=Count("user", distinct=True), permission_count=Count("permissions", distinct=True)
        )

    @display(description="kind", label={"built in": "info", "custom": "success"})
    def kind(self, role: Role) -> str:
        return "built in" if role.name in ROLES else "custom"

    @display(description="people")
    def people(self, role: Any) -> int:
        return int(role.user_count)

    @display(description="rights")
    def right_count(self, role: Any) -> int:
        return int(role.permission_count)

    @display(description="rights")
    def right_names(self, role: Role) -> str:
        names = permission_names(role.permissions.select_related("content_type"))
        note = "Built in: the software keeps its rights as accounts/roles.py says.\n\n" if role.name in ROLES else ""
        return note + "\n".join(names)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.name not in ROLES)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "right_names"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        return ((None, {"fields": ("name", "right_names")}),)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        held = [] if obj is None else list(obj.permissions.values_list("pk", flat=True))
        field = PermissionField(
            queryset=grantable(admin_actor(request), held),
            required=False,
            initial=held,
            widget=UnfoldAdminCheckboxSelectMultipleWidget,
            help_text="Only rights that you have yourself can be given.",
        )
        return type(form.__name__, (form,), {"rights": field})

    def save_through_service(self, actor: Actor, obj: Any, values: dict[str, Any]) -> Role:
        return save_role(actor=actor, role=obj, name=values.get("name"), permissions=values.get("rights"))


def grantable(actor: Actor, held: list[int]) -> QuerySet[Permission]:
    """The rights that the actor has, and those that the role has already."""
    rights = Permission.objects.exclude(content_type__app_label__in=_HIDDEN_APPS).select_related("content_type")
    allowed = [right.pk for right in rights if actor.may(f"{right.content_type.app_label}.{right.codename}")]
    return rights.filter(pk__in=[*allowed, *held]).order_by("content_type__app_label", "codename")
