"""On the page of a user: whether they have a second factor, and a way to reset it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from unfold.decorators import action, display

from accounts.models import User
from accounts.second_factor_state import has_second_factor
from accounts.services.second_factor import reset_second_factor
from tradingsite.core.errors import DeskError
from tradingsite.core.http import admin_actor


class SecondFactorReset:
    """For the admin of users, whose `get_object` and permissions decide who is seen and changed."""

    reset_actions = ("reset_factor",)

    @display(description="second factor", label={"on": "success", "off": "info"})
    def second_factor_state(self, user: User) -> str:
        return "on" if has_second_factor(user) else "off"

    def get_urls(self) -> list[Any]:
        site: Any = self.admin_site  # type: ignore[attr-defined]  # a ModelAdmin's
        page = path("<int:user_id>/reset-factor/", site.admin_view(self.reset_view), name="accounts_user_reset_factor")
        urls: list[Any] = [page, *super().get_urls()]  # type: ignore[misc]  # likewise
        return urls

    @action(description="Reset second factor", icon="lock_reset", url_path="factor", permissions=["set_password"])
    def reset_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        page: str = self.page_of(object_id)  # type: ignore[attr-defined]  # ScopedModelAdmin's
        return HttpResponseRedirect(f"{page.removesuffix('change/')}reset-factor/")

    def reset_view(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """Ask once more, then reset; the service says who may."""
        model_admin: Any = self
        user = model_admin.get_object(request, str(user_id))
        if user is None:
            raise Http404
        if not model_admin.has_change_permission(request, user):
            raise PermissionDenied
        error = ""
        if request.method == "POST":
            try:
                had_one = reset_second_factor(actor=admin_actor(request), user=user)
            except DeskError as refusal:
                error = refusal.detail
            else:
                outcome = "is off, and their log-ins have ended" if had_one else "was off already"
                messages.success(request, f"The second factor of {user.username} {outcome}.")
                return HttpResponseRedirect(model_admin.page_of(user.pk))
        context = {
            **model_admin.admin_site.each_context(request),
            "title": f"Reset second factor: {user.username}",
            "opts": model_admin.opts,
            "original": user,
            "is_on": has_second_factor(user),
            "error": error,
            "back_url": model_admin.page_of(user.pk),
        }
        return TemplateResponse(request, "admin/accounts/user/reset_factor.html", context)
