"""Log-ins over the API: where one is logged in, and a way to end that."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from accounts.models import LoginEnd, LoginSession
from accounts.selectors import state_of_login
from accounts.services.sessions import end_login
from tradingsite.core.admin.base import ReadOnlyScopedAdmin
from tradingsite.core.admin.filters import DayRangeFilter
from tradingsite.core.admin.forms import refusal_sentence
from tradingsite.core.admin.transfer import ExportPages
from tradingsite.core.errors import DeskError
from tradingsite.core.http import admin_actor


@admin.register(LoginSession)
class LoginAdmin(ExportPages, ReadOnlyScopedAdmin):
    """One's own log-ins, whatever one's roles are; everybody's for who may see all rows."""

    list_display = ("started_at", "user", "state", "address", "user_agent", "refreshed_at", "expires_at")
    list_filter = (("started_at", DayRangeFilter), ("end_reason", ChoicesDropdownFilter))
    list_select_related = ("user",)
    search_fields = ("user__username", "=address")
    search_help_text = "Part of the user's name, or the address"
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("user", "state", "end_reason")}),
        ("From where", {"fields": ("address", "user_agent")}),
        ("When", {"fields": ("started_at", "refreshed_at", "expires_at", "ended_at")}),
    )
    readonly_fields = ("state",)
    actions_detail = ("end",)
    export_fields = (
        "id",
        "user__username",
        "started_at",
        "refreshed_at",
        "expires_at",
        "ended_at",
        "end_reason",
        "address",
        "user_agent",
    )

    @display(description="state", label={"active": "success", "expired": "warning", "ended": "danger"})
    def state(self, login: LoginSession) -> str:
        return state_of_login(login)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # As over the API: where one is logged in oneself is nobody's to hide.
        return True

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_end_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        # Rows that are seen are one's own or, with core.view_all, anybody's; then the service wants the right.
        return True

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(never_cache(self.end_view))
        urls: list[Any] = [path("<int:login_id>/end/", page, name="accounts_loginsession_end"), *super().get_urls()]
        return urls

    @action(description="End", icon="logout", url_path="end-login", permissions=["end"])
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(f"{self.page_of(object_id).removesuffix('change/')}end/")

    def end_view(self, request: HttpRequest, login_id: int) -> HttpResponse:
        """Asks first; the POST ends the log-in."""
        login: LoginSession | None = self.get_object(request, str(login_id))
        if login is None:
            raise Http404
        if request.method == "POST":
            try:
                end_login(actor=admin_actor(request), login=login, reason=LoginEnd.LOGOUT)
                messages.success(request, f"The log-in of {login.user.username} has ended.")
            except DeskError as refusal:
                messages.error(request, refusal_sentence(refusal))
            return HttpResponseRedirect(self.page_of(login.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": "End this log-in?",
            "opts": self.opts,
            "login": login,
            "back_url": self.page_of(login.pk),
        }
        return TemplateResponse(request, "admin/accounts/loginsession/end.html", context)
