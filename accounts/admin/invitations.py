"""Invitations: made, sent or shown once, taken back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.models import Invitation, Role
from accounts.services.invitations import invite, revoke_invitation, state_of
from tradingsite.core.actor import Actor
from tradingsite.core.admin.base import ScopedModelAdmin
from tradingsite.core.admin.filters import DayRangeFilter
from tradingsite.core.admin.forms import DeskModelForm, refusal_sentence
from tradingsite.core.admin.transfer import ExportPages
from tradingsite.core.errors import DeskError
from tradingsite.core.http import admin_actor


class InvitationForm(DeskModelForm):
    """Whom to invite, and as what."""

    roles = forms.ModelMultipleChoiceField(
        queryset=Role.objects.order_by("name"),
        to_field_name="name",
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="None chosen: viewer. Nobody invites to rights that they do not have.",
    )

    class Meta:
        model = Invitation
        fields = ("email",)

    def clean_roles(self) -> list[str]:
        return [role.name for role in self.cleaned_data["roles"]]


@admin.register(Invitation)
class InvitationAdmin(ExportPages, ScopedModelAdmin):
    """One's own invitations; everybody's for who may see all rows."""

    form = InvitationForm
    list_display = ("email", "role_names", "state", "owner", "created_at", "expires_at")
    list_filter = (("created_at", DayRangeFilter),)
    list_select_related = ("owner",)
    search_fields = ("email__startswith", "owner__username")
    search_help_text = "Beginning of the e-mail, or part of the name of who invited"
    fieldsets = (
        (None, {"fields": ("email", "role_names", "owner", "state")}),
        ("When", {"fields": ("created_at", "expires_at", "revoked_at", "accepted_at", "accepted_by")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "roles")}),)
    readonly_fields = (
        "role_names",
        "state",
        "created_at",
        "expires_at",
        "revoked_at",
        "accepted_at",
        "accepted_by",
    )
    actions_detail = ("revoke",)
    export_fields = (
        "id",
        "email",
        "owner__username",
        "roles",
        "created_at",
        "expires_at",
        "revoked_at",
        "accepted_at",
        "accepted_by__username",
    )

    @display(description="roles")
    def role_names(self, invitation: Invitation) -> str:
        return ", ".join(invitation.roles) or "viewer"

    @display(
        description="state",
        label={"open": "info", "accepted": "success", "expired": "warning", "revoked": "danger"},
    )
    def state(self, invitation: Invitation) -> str:
        return state_of(invitation)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.add_fieldsets if obj is None else self.fieldsets

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # It is made and taken back; nothing else about it changes.
        return False

    def save_through_service(self, actor: Actor, obj: Any, values: dict[str, Any]) -> Invitation:
        new = invite(actor=actor, email=values["email"], roles=values.get("roles", ()))
        # Lives as long as this request: shown by response_add, stored nowhere.
        new.invitation.link = new.link  # type: ignore[attr-defined]  # for response_add only
        return new.invitation

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        if not obj.link:
            messages.success(request, f"The invitation is on its way to {obj.email}.")
            return HttpResponseRedirect(self.page_of(obj.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": "The invitation's link",
            "opts": self.opts,
            "invitation": obj,
            "link": obj.link,
            "back_url": self.page_of(obj.pk),
        }
        response = TemplateResponse(request, "admin/accounts/invitation/created.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.change_invitation"))

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(never_cache(self.revoke_view))
        urls: list[Any] = [path("<int:invitation_id>/end/", page, name="accounts_invitation_end"), *super().get_urls()]
        return urls

    @action(description="Take back", icon="block", url_path="revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(f"{self.page_of(object_id).removesuffix('change/')}end/")

    def revoke_view(self, request: HttpRequest, invitation_id: int) -> HttpResponse:
        """Asks first; the POST takes the invitation back."""
        invitation: Invitation | None = self.get_object(request, str(invitation_id))
        if invitation is None:
            raise Http404
        if not self.has_revoke_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            try:
                revoke_invitation(actor=admin_actor(request), invitation=invitation)
                messages.success(request, f"The invitation of {invitation.email} is taken back.")
            except DeskError as refusal:
                messages.error(request, refusal_sentence(refusal))
            return HttpResponseRedirect(self.page_of(invitation.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": "Take this invitation back?",
            "opts": self.opts,
            "invitation": invitation,
            "back_url": self.page_of(invitation.pk),
        }
        return TemplateResponse(request, "admin/accounts/invitation/revoke.html", context)
