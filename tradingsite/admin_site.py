"""The admin: everyone with a role may enter, and sees only their own rows."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.core.paginator import InvalidPage
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm
from unfold.sites import UnfoldAdminSite

from accounts.errors import WrongCredentials
from accounts.models import User
from accounts.services.login import Credentials, check_credentials, end_session
from accounts.services.profiles import set_password
from accounts.services.registration import is_open
from accounts.web import BACKEND, caller_of
from tradingsite.core.actor import Front
from tradingsite.core.api.throttling import refuse_flood
from tradingsite.core.errors import InvalidInput, TooManyAttempts
from tradingsite.core.http import admin_actor


class DeskAuthenticationForm(AuthenticationForm):
    """A log-in for every active user with a role, not for staff only; by our service, as the API's."""

    #: Why nobody was let in, when it was not for what was typed.
    refusal: TooManyAttempts | None = None

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "This user name and password do not fit together, or the account is deactivated.",
    }

    def clean(self) -> Any:
        username, password = (self.cleaned_data.get(name) for name in ("username", "password"))
        if username and password:
            self.user_cache = self._user_of(Credentials(username, password))
        return self.cleaned_data

    def _user_of(self, credentials: Credentials) -> User:
        request: Any = self.request
        try:
            refuse_flood(request)
            user = check_credentials(credentials=credentials, caller=caller_of(request, Front.ADMIN))
        except WrongCredentials:
            raise self.get_invalid_login_error() from None
        except TooManyAttempts as refusal:
            self.refusal = refusal
            raise ValidationError(refusal.detail, code=refusal.code) from None
        user.backend = BACKEND  # what Django's authenticate() notes there
        self.confirm_login_allowed(user)
        return user

    def confirm_login_allowed(self, user: Any) -> None:
        if not may_enter(user):
            raise ValidationError("This account has no role yet. Ask an administrator for one.", code="no_role")


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """Saved by our service, which writes the audit entry; the view says as whom."""

    request: HttpRequest

    def save(self, commit: bool = True) -> Any:
        actor = admin_actor(self.request)
        user: Any = actor.user
        set_password(actor=actor, user=user, password=self.cleaned_data["new_password1"])
        return user


class OwnPasswordView(PasswordChangeView):
    """Changing one's own password."""

    form_class = OwnPasswordForm

    def get_form(self, form_class: Any = None) -> Any:
        form = super().get_form(form_class)
        form.request = self.request  # type: ignore[attr-defined]  # OwnPasswordForm's
        return form

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            return super().form_valid(form)
        except InvalidInput as refusal:
            form.add_error("new_password1", refusal.detail)
            return self.form_invalid(form)


class DeskAdminSite(UnfoldAdminSite):
    """Unfold's site with our door."""

    login_form = DeskAuthenticationForm
    # Our middleware completes paths without a slash; a catch-all would answer them first.
    final_catch_all_view = False
    index_title = "Overview"

    def has_permission(self, request: HttpRequest) -> bool:
        return may_enter(request.user)

    def get_urls(self) -> list[URLPattern]:
        # Late, as everywhere in this class: the pages of the apps register themselves with this site.
        from accounts.admin.doors import URLS as DOORS
        from accounts.admin.my_settings import my_settings_page
        from accounts.admin.second_factor import code_step, second_factor_page

        # Nothing here has a page on another site, and the redirect would look up any table's any row.
        pages = [pattern for pattern in super().get_urls() if getattr(pattern, "name", None) != "view_on_site"]
        return [
            *DOORS,
            path("my-settings/", self.admin_view(my_settings_page), name="my_settings"),
            path("login/code/", code_step, name="login_code"),
            path("second-factor/", self.admin_view(second_factor_page), name="second_factor"),
            *pages,
        ]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        from accounts.admin.second_factor import behind_second_factor

        return super().admin_view(behind_second_factor(view), cacheable)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        from accounts.admin.second_factor import PasswordStep

        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse(f"{self.name}:index"))
        request.current_app = self.name
        view = PasswordStep.as_view(
            template_name=self.login_template or "admin/login.html",
            authentication_form=self.login_form,
            extra_context={
                **self.each_context(request),
                "title": "Log in",
                "subtitle": None,
                "app_path": request.get_full_path(),
                "username": request.user.get_username(),
                "can_register": is_open(),
                **(extra_context or {}),
            },
        )
        return view(request)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        if request.method == "POST" and request.user.is_authenticated:
            end_session(actor=admin_actor(request))
        return super().logout(request, extra_context)  # type: ignore[no-any-return]  # unfold's site is Any

    def trail_of(self, request: HttpRequest, row: Any) -> str | None:
        """The address of the audit trail's entries about a row; None for who may not look at the trail."""
        page = self._registry[apps.get_model("systemevents.AuditLog")]
        if not page.has_view_permission(request):
            return None
        about = urlencode({"table": row._meta.db_table, "object": row.pk})
        return f"{reverse(f'{self.name}:systemevents_auditlog_changelist')}?{about}"

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        try:
            found: HttpResponse = super().search(request, extra_context)
        except (ValueError, InvalidPage):
            return HttpResponseBadRequest("There is no such page.", content_type="text/plain")
        return found

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        request.current_app = self.name
        view = OwnPasswordView.as_view(
            template_name="registration/password_change_form.html",
            success_url=reverse(f"{self.name}:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)


def may_enter(user: Any) -> bool:
    """Whether the user is active and has a role (or is a superuser); asked once a request."""
    if not (isinstance(user, User) and user.is_active):
        return False
    if not hasattr(user, "_may_enter"):
        user._may_enter = user.is_superuser or user.groups.exists()  # type: ignore[attr-defined]  # a cache of ours
    return bool(user._may_enter)  # type: ignore[attr-defined]  # likewise


# The sidebar: groups of tables with the symbols that stand before them.
NAVIGATION: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Market data",
        (
            ("marketdata.Instrument", "candlestick_chart"),
            ("marketdata.DailyBar", "calendar_month"),
            ("marketdata.IntradayBar", "schedule"),
            ("marketdata.IngestBatch", "upload_file"),
            ("marketdata.CorporateAction", "call_split"),
            ("marketdata.Quarantine", "warning"),
            ("marketdata.ArchivePartition", "inventory_2"),
        ),
    ),
    (
        "Portfolio",
        (
            ("portfolio.Portfolio", "account_balance_wallet"),
            ("portfolio.PortfolioPosition", "stacked_bar_chart"),
            ("portfolio.PortfolioCash", "payments"),
            ("portfolio.PortfolioPerformance", "show_chart"),
            ("portfolio.Watchlist", "visibility"),
        ),
    ),
    ("Trading", (("trading.Signal", "sensors"),)),
    (
        "Accounts",
        (
            ("accounts.User", "person"),
            ("accounts.Role", "badge"),
            ("accounts.ApiKey", "key"),
            ("accounts.Invitation", "mail"),
            ("accounts.LoginSession", "login"),
        ),
    ),
    (
        "System",
        (
            ("systemevents.SystemEvent", "notifications"),
            ("systemevents.AuditLog", "history"),
            ("systemevents.AuditSeal", "verified_user"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar's groups: only the tables that the user may view."""
    from django.contrib import admin

    groups: list[dict[str, Any]] = [
        {"title": "", "items": [{"title": "Overview", "icon": "dashboard", "link": reverse("admin:index")}]}
    ]
    for title, tables in NAVIGATION:
        items = []
        for label, icon in tables:
            model = apps.get_model(label)
            page = admin.site._registry.get(model)
            if page is not None and page.has_view_permission(request):
                link = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
                items.append({"title": plural_title(model), "icon": icon, "link": link})
        if items:
            groups.append({"title": title, "items": items, "separator": True})
    return groups


def plural_title(model: Any) -> str:
    """A table's name in the plural, with a capital: API keys, Daily bars."""
    text = str(model._meta.verbose_name_plural)
    return text[:1].upper() + text[1:]
