"""API keys: made, shown once, rotated, revoked."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
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
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.models import ApiKey, User
from accounts.scopes import SCOPES
from accounts.selectors import key_deeds
from accounts.services.api_keys import (
    DEFAULT_OVERLAP,
    LONGEST_OVERLAP,
    create_api_key,
    revoke_api_key,
    rotate_api_key,
)
from accounts.services.key_limits import KeyLimits
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.admin.base import ScopedModelAdmin
from tradingsite.core.admin.filters import DayRangeFilter
from tradingsite.core.admin.forms import DeskModelForm, refusal_sentence
from tradingsite.core.admin.scope import visible_rows
from tradingsite.core.admin.transfer import ExportPages
from tradingsite.core.errors import DeskError
from tradingsite.core.http import admin_actor

LIMITS = frozenset(field.name for field in fields(KeyLimits))


class ApiKeyForm(DeskModelForm):
    """What a key is for, what it may do and from where, and how long."""

    scopes = forms.MultipleChoiceField(
        choices=[(name, f"{name}: {scope.label}") for name, scope in SCOPES.items()],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="None chosen: what the owner may do, but administration.",
    )
    allowed_addresses = forms.CharField(
        required=False,
        max_length=5_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Networks or addresses that it works from, one a line, as in 10.0.0.0/8. Empty: from anywhere.",
    )
    symbols = forms.CharField(
        required=False,
        max_length=5_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="The symbols that it may trade, separated by blanks or commas. Empty: all.",
    )
    never_expires = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Otherwise the key ends at the time above, or after 90 days.",
    )

    class Meta:
        model = ApiKey
        fields = ("name", "portfolio", "daily_notional", "expires_at")
        help_texts = {"expires_at": "Empty: 90 days from now."}

    def clean_allowed_addresses(self) -> list[str]:
        return str(self.cleaned_data["allowed_addresses"]).replace(",", " ").split()

    def clean_symbols(self) -> list[str]:
        return str(self.cleaned_data["symbols"]).replace(",", " ").split()


class RotateForm(forms.Form):
    """How long the old key works beside the new one."""

    overlap_hours = forms.IntegerField(
        min_value=0,
        max_value=int(LONGEST_OVERLAP.total_seconds()) // 3600,
        initial=int(DEFAULT_OVERLAP.total_seconds()) // 3600,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Hours that the old key works on, from 0 (it ends at once) to 168, which are seven days.",
    )


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
        ("What it may do", {"fields": ("scope_names", "networks", "portfolio", "symbol_names", "daily_notional")}),
        (
            "When",
            {
                "fields": (
                    "created_at",
                    "expires_at",
                    "last_used_at",
                    "rotated_to",
                    "overlap_until",
                    "revoked_at",
                )
            },
        ),
    )
    add_fieldsets = (
        (None, {"fields": ("name", "owner")}),
        ("What it may do", {"fields": ("scopes", "allowed_addresses", "portfolio", "symbols", "daily_notional")}),
        ("When it ends", {"fields": ("expires_at", "never_expires")}),
    )
    autocomplete_fields = ("owner", "portfolio")
    readonly_fields = (
        "masked",
        "state",
        "scope_names",
        "networks",
        "symbol_names",
        "created_at",
        "last_used_at",
        "rotated_to",
        "overlap_until",
        "revoked_at",
    )
    actions_detail = ("rotate", "revoke")
    export_fields = (
        "name",
        "public_id",
        "owner__username",
        "scopes",
        "allowed_addresses",
        "portfolio__name",
        "symbols",
        "daily_notional",
        "created_at",
        "expires_at",
        "overlap_until",
        "revoked_at",
        "last_used_at",
    )

    @display(description="key")
    def masked(self, key: ApiKey) -> str:
        return f"tsk_{key.public_id}_…"

    @display(
        description="state",
        label={"active": "success", "rotating": "info", "expired": "warning", "revoked": "danger"},
    )
    def state(self, key: ApiKey) -> str:
        return key.state(clock.now())

    @display(description="scopes")
    def scope_names(self, key: ApiKey) -> str:
        return ", ".join(key.scopes or ()) or "What the owner may do, but administration"

    @display(description="allowed addresses")
    def networks(self, key: ApiKey) -> str:
        return ", ".join(key.allowed_addresses or ()) or "From anywhere"

    @display(description="symbols")
    def symbol_names(self, key: ApiKey) -> str:
        return ", ".join(key.symbols or ()) or "All"

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
            return ((None, {"fields": ("name",)}), *self.add_fieldsets[1:])
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
        portfolio = values.pop("portfolio", None)
        limits = KeyLimits(
            portfolio=None if portfolio is None else portfolio.pk,
            **{name: values.pop(name) for name in LIMITS & set(values)},
        )
        new = create_api_key(actor=actor, limits=limits, **{"owner": actor.user, **values})
        # Lives as long as this request: shown by response_add, stored nowhere.
        new.key.text = new.text  # type: ignore[attr-defined]  # for response_add only
        return new.key

    @staticmethod
    def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        response = TemplateResponse(request, template, context)
        response["Cache-Control"] = "no-store"
        return response

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._shown_once(request, obj, obj.text)

    def _shown_once(self, request: HttpRequest, key: ApiKey, text: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Your new API key",
            "opts": self.opts,
            "key": key,
            "text": text,
            "list_url": self.page_of(key.pk),
        }
        return self._page(request, "admin/accounts/apikey/created.html", context)

    # The one that follows, and the end

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.change_apikey"))

    def has_rotate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_revoke_permission(request) and bool(request.user.has_perm("accounts.add_apikey"))

    def get_urls(self) -> list[Any]:
        pages = [
            path(f"<int:key_id>/{end}/", self.admin_site.admin_view(never_cache(view)), name=f"accounts_apikey_{name}")
            for end, name, view in (("end", "end", self.revoke_view), ("follow", "follow", self.rotate_view))
        ]
        urls: list[Any] = [*pages, *super().get_urls()]
        return urls

    @action(description="Rotate", icon="autorenew", url_path="rotate", permissions=["rotate"])
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(f"{self.page_of(object_id).removesuffix('change/')}follow/")

    def rotate_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        """Asks how long the two may overlap; the POST makes the new key and shows it."""
        key = self._key(request, key_id, allowed=self.has_rotate_permission(request))
        form = RotateForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            overlap = timedelta(hours=form.cleaned_data["overlap_hours"])
            try:
                new = rotate_api_key(actor=admin_actor(request), key=key, overlap=overlap)
            except DeskError as refusal:
                messages.error(request, refusal_sentence(refusal))
                return HttpResponseRedirect(self.page_of(key.pk))
            return self._shown_once(request, new.key, new.text)
        context = {**self._about(request, key), "title": "Rotate this API key", "form": form}
        return TemplateResponse(request, "admin/accounts/apikey/rotate.html", context)

    def _key(self, request: HttpRequest, key_id: int, *, allowed: bool) -> ApiKey:
        key: ApiKey | None = self.get_object(request, str(key_id))
        if key is None:
            raise Http404
        if not allowed:
            raise PermissionDenied
        return key

    def _about(self, request: HttpRequest, key: ApiKey) -> dict[str, Any]:
        site = self.admin_site.each_context(request)
        return {**site, "opts": self.opts, "key": key, "back_url": self.page_of(key.pk)}

    @action(description="Revoke", icon="block", url_path="revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(f"{self.page_of(object_id).removesuffix('change/')}end/")

    def revoke_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        """Asks first; the POST revokes."""
        key = self._key(request, key_id, allowed=self.has_revoke_permission(request))
        if request.method == "POST":
            try:
                revoke_api_key(actor=admin_actor(request), key=key)
                messages.success(request, f"The key {key.name} is revoked and opens nothing any more. {told(key)}")
            except DeskError as refusal:
                messages.error(request, refusal_sentence(refusal))
            return HttpResponseRedirect(self.page_of(key.pk))
        context = {**self._about(request, key), "title": "Revoke this API key?", "deeds": key_deeds(key)}
        return TemplateResponse(request, "admin/accounts/apikey/revoke.html", context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        keys: QuerySet[ApiKey] = super().get_queryset(request)
        return keys.select_related("owner", "portfolio", "rotated_to")


def may_choose_owner(request: HttpRequest) -> bool:
    """Whether the user makes keys for others too."""
    return bool(request.user.has_perm("accounts.change_user"))


def told(key: ApiKey) -> str:
    """What a key did, in a sentence."""
    deeds = key_deeds(key)
    if deeds.last_used_at is None and not deeds.audit_entries:
        return "It was never used."
    used = "" if deeds.last_used_at is None else f" last used {deeds.last_used_at:%Y-%m-%d %H:%M} UTC,"
    where = f" from {', '.join(deeds.addresses)}" if deeds.addresses else ""
    entries = f"{deeds.audit_entries} audit entr{'y' if deeds.audit_entries == 1 else 'ies'}"
    return f"It was{used or ' used'} and left {entries}{where}."
