"""Deactivating people, handing over what was theirs, letting them in again: pages that ask first."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import User
from accounts.services.deactivation import LONGEST_REASON, Departed, deactivate_user, reactivate_user, what_would_end
from tradingsite.core.admin.forms import refusal_messages, refusal_sentence
from tradingsite.core.admin.scope import visible_rows
from tradingsite.core.errors import DeskError
from tradingsite.core.http import admin_actor


class DepartureForm(forms.Form):
    """Who gets what can be handed over, and why the person leaves."""

    hand_over_to = forms.ModelChoiceField(
        queryset=User.objects.none(),
        required=False,
        empty_label="Nobody: it stays where it is",
        widget=UnfoldAdminSelectWidget,
        help_text="Portfolios, with all that hangs on them, and watchlists. It can be done later too.",
    )
    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        widget=UnfoldAdminTextInputWidget,
        help_text="Stands in the audit trail and in the system event.",
    )

    def __init__(self, *args: Any, people: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if people is None:
            del self.fields["hand_over_to"]
        else:
            choice: Any = self.fields["hand_over_to"]
            choice.queryset = people


class DeparturePages:
    """The pages of the day that somebody leaves, and of the day that they come back."""

    departure_actions = ("deactivate", "hand_over", "reactivate")

    # Django's and unfold's, by mixing in.
    admin_site: Any
    opts: Any
    get_object: Any
    has_change_permission: Any
    page_of: Any

    def has_deactivate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, is_active=True)

    def has_reactivate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, is_active=False)

    def _may(self, request: HttpRequest, object_id: Any, *, is_active: bool) -> bool:
        if not request.user.has_perm("accounts.change_user"):
            return False
        if object_id is None:
            return True
        user = self.get_object(request, str(object_id))
        return user is not None and user.is_active is is_active and user.pk != request.user.pk

    def get_urls(self) -> list[Any]:
        pages = [
            path(f"<int:user_id>/{end}/", self.admin_site.admin_view(never_cache(view)), name=f"accounts_user_{end}")
            for end, view in (("leave", self.leave_view), ("return", self.return_view))
        ]
        urls: list[Any] = [*pages, *super().get_urls()]  # type: ignore[misc]  # Django's, by mixing in
        return urls

    @action(description="Deactivate…", icon="person_off", url_path="deactivate", permissions=["deactivate"])
    def deactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page(object_id, "leave")

    @action(description="Hand over…", icon="move_up", url_path="hand-over", permissions=["reactivate"])
    def hand_over(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page(object_id, "leave")

    @action(description="Reactivate…", icon="person_check", url_path="reactivate", permissions=["reactivate"])
    def reactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page(object_id, "return")

    def _to_page(self, object_id: str, page: str) -> HttpResponse:
        return HttpResponseRedirect(f"{self.page_of(object_id).removesuffix('change/')}{page}/")

    def leave_view(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """Says what will end and asks who gets the rest; the POST does it."""
        user = self._person(request, user_id)
        form = DepartureForm(request.POST if request.method == "POST" else None, people=receivers(request, user))
        if form.is_bound and form.is_valid():
            try:
                departed = deactivate_user(actor=admin_actor(request), user=user, **form.cleaned_data)
            except DeskError as refusal:
                for field, message in refusal_messages(refusal):
                    form.add_error(field if field in form.fields else None, message)
            else:
                messages.success(request, told(departed))
                return HttpResponseRedirect(self.page_of(user.pk))
        title = f"Deactivate {user.username}" if user.is_active else f"Hand over what {user.username} left"
        context = {**self._about(request, user), "title": title, "form": form, "ending": what_would_end(user)}
        return TemplateResponse(request, "admin/accounts/user/deactivate.html", context)

    def return_view(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """Says what does not come back; the POST lets the person log in again."""
        user = self._person(request, user_id)
        if request.method == "POST":
            try:
                reactivate_user(actor=admin_actor(request), user=user)
                messages.success(request, f"{user.username} can log in again. Keys and log-ins of before stay ended.")
            except DeskError as refusal:
                messages.error(request, refusal_sentence(refusal))
            return HttpResponseRedirect(self.page_of(user.pk))
        context = {**self._about(request, user), "title": f"Reactivate {user.username}"}
        return TemplateResponse(request, "admin/accounts/user/reactivate.html", context)

    def _person(self, request: HttpRequest, user_id: int) -> User:
        user: User | None = self.get_object(request, str(user_id))
        if user is None:
            raise Http404
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        return user

    def _about(self, request: HttpRequest, user: User) -> dict[str, Any]:
        site = self.admin_site.each_context(request)
        return {**site, "opts": self.opts, "original": user, "person": user, "back_url": self.page_of(user.pk)}


def receivers(request: HttpRequest, user: User) -> Any:
    """Whom the logged-in user can hand to: the active people that they see; None when that is not for them."""
    if not admin_actor(request).sees_everything:
        return None
    return visible_rows(request, User).filter(is_active=True).exclude(pk=user.pk).order_by("username")


def told(departed: Departed) -> str:
    """What was done, in a message above the page."""
    sentences = [f"{departed.user.username} is deactivated."]
    if departed.ended:
        sentences.append(f"Ended: {', '.join(departed.ended)}.")
    if departed.handed_over:
        sentences.append(f"Handed over: {', '.join(departed.handed_over)}.")
    return " ".join(sentences)
