"""The second factor in the admin: the second step of a log-in, and everybody's own page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

import segno
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from unfold.widgets import BASE_INPUT_CLASSES

from accounts.models import User
from accounts.second_factor_codes import MOST_CHARACTERS
from accounts.second_factor_state import has_second_factor, lacks_second_factor, recovery_codes_left
from accounts.services.lockout import count_failure
from accounts.services.second_factor import (
    begin_second_factor,
    confirm_second_factor,
    pending_factor,
    remove_second_factor,
    renew_recovery_codes,
    require_second_factor,
)
from accounts.web import caller_of, start_session
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import DeskError, NotAuthenticated, TooManyAttempts
from tradingsite.core.http import admin_actor

# Who gave the right password, until the code is there: a session in which nobody is logged in yet.
HALF = "half_logged_in"
HALF_SECONDS = 600
MOST_WRONG_CODES = 5
# What can be opened by who must set a second factor up first.
OPEN_PAGES = frozenset({"second_factor", "logout", "jsi18n"})

View = Callable[..., HttpResponseBase]


class CodeForm(forms.Form):
    """A code of the app, or a recovery code."""

    code = forms.CharField(
        label="Code",
        max_length=MOST_CHARACTERS,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "autocapitalize": "none",
                "spellcheck": "false",
                "class": " ".join(BASE_INPUT_CLASSES),
            }
        ),
    )

    def __init__(self, *args: Any, recovery: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if recovery:
            # A keyboard with letters; and password managers offer no code of the app.
            self.fields["code"].label = "Recovery code"
            self.fields["code"].widget.attrs.update({"autocomplete": "off", "inputmode": "text"})


@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class PasswordStep(LoginView):
    """The first step of a log-in; leads to the second where the user has a second factor."""

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        if not has_second_factor(user):
            return self._let_in(user)
        # Whatever the session was before, whoever knew its id: this one is new.
        self.request.session.flush()
        self.request.session[HALF] = {
            "user": user.pk,
            # A password changed meanwhile ends the half log-in too.
            "hash": user.get_session_auth_hash(),
            "until": clock.now().timestamp() + HALF_SECONDS,
            "wrong": 0,
            "next": self.get_success_url(),
        }
        return HttpResponseRedirect(reverse("admin:login_code"))

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        if (refusal := getattr(form, "refusal", None)) is not None:
            response.status_code, response["Retry-After"] = refusal.status, str(refusal.retry_after)
        return response

    def _let_in(self, user: User) -> HttpResponse:
        try:
            start_session(self.request, user, caller_of(self.request, Front.ADMIN))
        except DeskError as refusal:
            # Between the look at the password and now it was changed, or guessed at too often.
            messages.error(self.request, refusal.detail)
            return HttpResponseRedirect(reverse("admin:login"))
        return HttpResponseRedirect(self.get_success_url())


@never_cache
@csrf_protect
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def code_step(request: HttpRequest) -> HttpResponse:
    """The second step: the code, and the log-in is whole."""
    user = _half_logged_in(request)
    if user is None:
        request.session.pop(HALF, None)
        return HttpResponseRedirect(reverse("admin:login"))
    recovery = "recovery" in request.GET
    form = CodeForm(request.POST if request.method == "POST" else None, recovery=recovery)
    form.fields["code"].widget.attrs["autofocus"] = ""
    if form.is_bound and form.is_valid():
        try:
            require_second_factor(
                user=user, code=form.cleaned_data["code"], actor=caller_of(request, Front.ADMIN).actor(user)
            )
        except NotAuthenticated as refusal:
            if _note_wrong_code(request, user) >= MOST_WRONG_CODES:
                request.session.flush()
                messages.error(request, "Too many wrong codes. Begin again with the password.")
                return HttpResponseRedirect(reverse("admin:login"))
            form.add_error("code", refusal.detail)
        else:
            half = request.session.pop(HALF)
            try:
                start_session(request, user, caller_of(request, Front.ADMIN))
            except DeskError as refusal:
                messages.error(request, refusal.detail)
                return HttpResponseRedirect(reverse("admin:login"))
            return HttpResponseRedirect(half["next"])
    context = {
        **admin.site.each_context(request),
        "title": "Log in",
        "form": form,
        "recovery": recovery,
        "username": user.username,
    }
    return TemplateResponse(request, "admin/login_code.html", context)


def _half_logged_in(request: HttpRequest) -> User | None:
    """Who gave the right password in this session, not long ago, and may still log in by it."""
    half = request.session.get(HALF)
    if half is None or clock.now().timestamp() > half["until"]:
        return None
    user: User | None = User.objects.filter(pk=half["user"], is_active=True).first()
    if user is None or not constant_time_compare(user.get_session_auth_hash(), half["hash"]):
        return None
    return user


def _note_wrong_code(request: HttpRequest, user: User) -> int:
    """Count it here and, as any failed log-in, towards the lockout; answers how many they were in this session."""
    request.session[HALF]["wrong"] += 1
    request.session.modified = True
    try:
        count_failure(caller_of(request, Front.ADMIN), user.username, user)
    except TooManyAttempts:
        return MOST_WRONG_CODES
    return int(request.session[HALF]["wrong"])


def behind_second_factor(view: View) -> View:
    """The view for who has the second factor that is demanded of them; others are led to set it up."""

    @wraps(view)
    def gated(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        name = request.resolver_match.url_name if request.resolver_match is not None else None
        if name not in OPEN_PAGES and isinstance(request.user, User) and lacks_second_factor(request.user):
            return HttpResponseRedirect(reverse("admin:second_factor"))
        return view(request, *args, **kwargs)

    return gated


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """One's own second factor: set up, confirmed, its recovery codes renewed, removed."""
    actor, codes, errors = admin_actor(request), [], {}
    action = request.POST.get("action", "") if request.method == "POST" else ""
    try:
        codes = _do(action, actor, request.POST.get("code", "")[: MOST_CHARACTERS + 1])
    except DeskError as refusal:
        errors = {action: refusal.detail}
    if action in ("begin", "remove") and not errors:
        if action == "remove":
            messages.success(request, "Your second factor is off.")
        # A reload must not do it again.
        return HttpResponseRedirect(reverse("admin:second_factor"))
    user = cast(User, actor.user)
    is_on = has_second_factor(user)
    pending = None if is_on else pending_factor(actor=actor)
    context = {
        **admin.site.each_context(request),
        "title": "Second factor",
        "is_on": is_on,
        "is_demanded": lacks_second_factor(user),
        "pending": pending,
        "qr": None if pending is None else qr_path(pending.uri),
        "codes": codes,
        "left": recovery_codes_left(user),
        "errors": errors,
    }
    return TemplateResponse(request, "admin/second_factor.html", context)


def _do(action: str, actor: Actor, code: str) -> list[str]:
    """What a button asks for; answers recovery codes to be shown, if there are new ones."""
    match action:
        case "begin":
            begin_second_factor(actor=actor)
        case "confirm":
            return confirm_second_factor(actor=actor, code=code)
        case "renew":
            return renew_recovery_codes(actor=actor, code=code)
        case "remove":
            remove_second_factor(actor=actor, code=code)
    return []


def qr_path(text: str) -> dict[str, Any]:
    """A QR code as the path of an SVG drawing, and its width, the quiet zone of four included."""
    rows = segno.make(text, error="m").matrix
    squares = [f"M{x + 4} {y + 4}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark]
    return {"path": "".join(squares), "width": len(rows) + 8}
