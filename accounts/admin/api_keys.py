"""API keys: made, shown once, revoked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from unfold.decorators import action, display
from unfold.widgets import UnfoldBooleanSwitchWidget

from accounts.models import ApiKey, User
from accounts.services.api_keys import create_api_key, revoke_api_key
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.admin.base import ScopedModelAdmin
from tradingsite.core.admin.filters import DayRangeFilter
from tradingsite.core.admin.forms import DeskModelForm, refusal_sentence
from tradingsite.core.admin.scope import visible_rows
from tradingsite.core.admin.transfer import ExportPages
from tradingsite.core.errors import DeskError
from tradingsite.core.http import admin_actor


class ApiKeyForm(DeskModelForm):
    """A name and an expiry."""

    never_expires = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Otherwise the key ends at the time above, or after 90 days.",
    )

    class Meta:
        model = ApiKey
        fields = ("name", "expires_at")
        help_texts = {"expires_at": "UTC; empty: 90 days from now."}


@admin.register(ApiKey)
class ApiKeyAdmin(ExportPages, ScopedModelAdmin):
    """One's own keys; everybody's for who may see all rows."""

    form = ApiKeyForm
    list_display = ("name", "masked", "owner", "state", "created_at", "expires_at", "last_used_at")
    list_filter = (("created_at", DayRangeFilter),)
    list_select_related = ("owner",)
    search_fields = ("name", "=public_id", "owner__username")
    search_help_text = "Part of the name or of the owner's name, or the 16 characters behind tsk_"
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("name", "masked", "owner", "state")}),
        ("When", {"fields": ("created_at", "expires_at", "last_used_at", "revoked_at")}),
    )
    add_fieldsets = ((None, {"fields": ("name", "owner", "expires_at", "never_expires")}),)
    autocomplete_fields = ("owner",)
    readonly_fields = ("masked", "state", "created_at", "last_used_at", "revoked_at")
    actions_detail = ("revoke",)
    export_fields = (
        "name",
        "public_id",
        "owner__username",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )

    @display(description="key")
    def masked(self, key: ApiKey) -> str:
        return f"tsk_{key.public_id}_…"

    @display(description="state", label={"active": "success", "expired": "warning", "revoked": "danger"})
    def state(self, key: ApiKey) -> str:
        if key.revoked_at is not None:
            return "revoked"
        return "active" if key.is_usable(clock.now()) else "expired"

    # Making one

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A key is made and revoked; nothing else about it changes.
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = list(super().get_readonly_fields(request, obj))
        if obj is None:
            fields.remove("owner")
        return fields

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None and not may_choose_owner(request):
            return ((None, {"fields": ("name", "expires_at", "never_expires")}),)
        return super().get_fieldsets(request, obj)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        # After making a key comes the page that shows it, and nothing else.
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **buttons})

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_changeform_initial_data(request), "owner": request.user.pk}

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "owner":
            kwargs["queryset"] = visible_rows(request, User).filter(is_active=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_through_service(self, actor: Actor, obj: Any, values: dict[str, Any]) -> ApiKey:
        new = create_api_key(actor=actor, **{"owner": actor.user, **values})
        # Lives as long as this request: shown by response_add, stored nowhere.
        new.key.text = new.text  # type: ignore[attr-defined]  # for response_add only
        return new.key

    @staticmethod
    def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        response = TemplateResponse(request, template, context)
        response["Cache-Control"] = "no-store"
        return response

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Your new API key",
            "opts": self.opts,
            "key": obj,
            "text": obj.text,
            "list_url": self.page_of(obj.pk),
        }
        return self._page(request, "admin/accounts/apikey/created.html", context)

    # Ending one

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.change_apikey"))

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(never_cache(self.revoke_view))
        urls: list[Any] = [path("<int:key_id>/end/", view, name="accounts_apikey_end"), *super().get_urls()]
        return urls

    @action(description="Revoke", icon="block", url_path="revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(f"{self.page_of(object_id).removesuffix('change/')}end/")

    def revoke_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        """Asks first; the POST revokes."""
        key = self.get_object(request, str(key_id))
        if key is None:
            raise Http404
        if not self.has_revoke_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            try:
                revoke_api_key(actor=admin_actor(request), key=key)
                messages.success(request, f"The key {key.name} is revoked and opens nothing any more.")
            except DeskError as refusal:
                messages.error(request, refusal_sentence(refusal))
            return HttpResponseRedirect(self.page_of(key.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": "Revoke this API key?",
            "opts": self.opts,
            "key": key,
            "back_url": self.page_of(key.pk),
        }
        return TemplateResponse(request, "admin/accounts/apikey/revoke.html", context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        keys: QuerySet[ApiKey] = super().get_queryset(request)
        return keys.select_related("owner")


def may_choose_owner(request: HttpRequest) -> bool:
    """Whether the user makes keys for others too."""
    return bool(request.user.has_perm("accounts.change_user"))
