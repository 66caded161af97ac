"""Pages for who is not logged in: registering, accepting an invitation, a new password, a new e-mail's link.

Links in mails lead to a page with a button: programs that look through mails follow links, and
must confirm nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts.services.callers import Caller
from accounts.services.emails import LONGEST_TOKEN, confirm_email_change
from accounts.services.invitations import accept_invitation
from accounts.services.mails import mail_is_set_up
from accounts.services.passwords import request_password_reset, reset_password
from accounts.services.registration import confirm_registration, is_open, register, takes_invitations
from tradingsite.core.actor import Front
from tradingsite.core.admin.forms import refusal_messages
from tradingsite.core.api.throttling import Bucket, count, place_of
from tradingsite.core.errors import DeskError, TooManyAttempts

MOST_IN_A_PASSWORD = 1024

View = Callable[[HttpRequest], HttpResponse]


def _password(label: str, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        strip=False,
        max_length=MOST_IN_A_PASSWORD,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=help_text,
    )


def _username() -> forms.CharField:
    return forms.CharField(
        label="User name",
        max_length=150,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "username", "autocapitalize": "none"}),
        help_text="Small letters, digits and . _ @ + -",
    )


def _email() -> forms.EmailField:
    return forms.EmailField(
        label="E-mail", max_length=254, widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "email"})
    )


class TwiceForm(forms.Form):
    """A new password, typed twice."""

    #: What the service calls the password.
    name = "password"

    def clean(self) -> dict[str, Any]:
        values = dict(super().clean() or {})
        if "again" in values and values["again"] != values.get(self.name):
            self.add_error("again", "The two passwords are not the same.")
        values.pop("again", None)
        return values


class RegisterForm(TwiceForm):
    username = _username()
    email = _email()
    password = _password("Password", "At least 8 characters, and not one that others use.")
    again = _password("Password again")


class InvitationForm(TwiceForm):
    token = forms.CharField(max_length=LONGEST_TOKEN, widget=forms.HiddenInput)
    username = _username()
    password = _password("Password", "At least 8 characters, and not one that others use.")
    again = _password("Password again")


class ConfirmForm(forms.Form):
    token = forms.CharField(max_length=LONGEST_TOKEN, widget=forms.HiddenInput)


class ResetForm(forms.Form):
    email = _email()


class NewPasswordForm(TwiceForm):
    name = "new_password"

    token = forms.CharField(max_length=LONGEST_TOKEN, widget=forms.HiddenInput)
    new_password = _password("New password", "At least 8 characters, and not one that others use.")
    again = _password("New password again")


def door(view: View) -> View:
    """What all of these pages are: never kept, safe from other sites' forms, limited by THROTTLE_ANON."""

    @wraps(view)
    @never_cache
    @csrf_protect
    @sensitive_post_parameters()
    @require_http_methods(["GET", "HEAD", "POST"])
    def guarded(request: HttpRequest) -> HttpResponse:
        return view(request)

    return guarded


@door
def register_page(request: HttpRequest) -> HttpResponse:
    """Registering, where that is open."""
    if not is_open():
        return _closed(request, "Nobody registers here by themselves. Ask an administrator of the site.")
    return _page(
        request,
        RegisterForm,
        title="Register",
        text="We write to your e-mail what comes next.",
        button="Register",
        do=lambda caller, values: register(caller=caller, **values),
        done="Read your mail: the registration goes on there.",
    )


@door
def confirm_page(request: HttpRequest) -> HttpResponse:
    """The button that the mail of a registration leads to."""
    if not is_open():
        return _closed(request, "Nobody registers here by themselves any more. Ask an administrator of the site.")
    return _page(
        request,
        ConfirmForm,
        title="Confirm your registration",
        text="Only if it was you who chose the user name and the password.",
        button="Confirm",
        do=lambda caller, values: confirm_registration(caller=caller, **values),
        done="You are registered. Log in with the password that you chose.",
    )


@door
def invitation_page(request: HttpRequest) -> HttpResponse:
    """What the mail of an invitation leads to."""
    if not takes_invitations():
        return _closed(request, "Nobody can accept an invitation here now. Ask who invited you.")
    return _page(
        request,
        InvitationForm,
        title="You are invited",
        text="Choose a user name and a password.",
        button="Become a user",
        do=lambda caller, values: accept_invitation(caller=caller, **values),
        done="Welcome. Log in with the password that you chose.",
    )


@door
def reset_page(request: HttpRequest) -> HttpResponse:
    """Asking for a link to a new password."""
    if not mail_is_set_up():
        return _closed(request, "This site sends no mail. Ask an administrator for a new password.")
    return _page(
        request,
        ResetForm,
        title="Forgotten password",
        text="We send a link to the e-mail of your account. Your user name stands there too.",
        button="Send the link",
        do=lambda caller, values: request_password_reset(caller=caller, **values),
        done="If a user has this e-mail, a link is on its way. It is good for an hour.",
    )


@door
def new_password_page(request: HttpRequest) -> HttpResponse:
    """What that link leads to."""
    return _page(
        request,
        NewPasswordForm,
        title="Choose a new password",
        text="It ends every log-in that there is.",
        button="Set the password",
        do=lambda caller, values: reset_password(caller=caller, **values),
        done="The password is set. Log in with it.",
    )


@door
def confirm_email_page(request: HttpRequest) -> HttpResponse:
    """The button that the mail to a new e-mail leads to."""
    return _page(
        request,
        ConfirmForm,
        title="Confirm your new e-mail",
        text="Only if it was you who asked for it. It ends every log-in that there is.",
        button="Confirm",
        do=lambda caller, values: confirm_email_change(caller=caller, **values),
        done="This is your e-mail now. Log in again.",
    )


def _page(
    request: HttpRequest,
    form_class: type[forms.Form],
    *,
    title: str,
    text: str,
    button: str,
    do: Callable[[Caller, dict[str, Any]], object],
    done: str,
) -> HttpResponse:
    """A form that does one thing, then leads to the log-in."""
    token = request.GET.get("token", "")[:LONGEST_TOKEN]
    form = form_class(request.POST) if request.method == "POST" else form_class(initial={"token": token})
    status = 200
    if form.is_bound and form.is_valid():
        try:
            _throttle(request)
            do(_caller(request), form.cleaned_data)
        except DeskError as refusal:
            status = refusal.status if refusal.status in (403, 429) else 200
            for name, message in refusal_messages(refusal):
                visible = name in form.fields and not form.fields[name].widget.is_hidden
                form.add_error(name if visible else None, message)
        else:
            messages.success(request, done)
            return HttpResponseRedirect(reverse("admin:login"))
    context = {
        **admin.site.each_context(request),
        "title": title,
        "form": form,
        "text": text,
        "button": button,
        # A form that was opened without its link has nothing to send.
        "lacks_token": "token" in form.fields and not form.is_bound and not token,
    }
    return TemplateResponse(request, "admin/door.html", context, status=status)


def _closed(request: HttpRequest, text: str) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": "Closed", "closed": text}
    return TemplateResponse(request, "admin/door.html", context, status=403)


def _throttle(request: HttpRequest) -> None:
    rate = settings.THROTTLE_ANON
    counted = count(Bucket("anon", place_of(request), rate)) if rate else None
    if counted is not None and counted.is_over:
        raise TooManyAttempts("Too many requests from your address. Try again later.", retry_after=counted.resets_in)


def _caller(request: HttpRequest) -> Caller:
    return Caller(
        front=Front.ADMIN,
        address=getattr(request, "client_address", None),
        request_id=getattr(request, "request_id", ""),
    )


# Django's own names for two of them, so that templates of Django and of the theme link them.
URLS: list[URLPattern] = [
    path("register/", register_page, name="register"),
    path("register/confirm/", confirm_page, name="register_confirm"),
    path("invitation/", invitation_page, name="invitation"),
    path("email/confirm/", confirm_email_page, name="email_confirm"),
    path("password_reset/", reset_page, name="admin_password_reset"),
    path("password_reset/confirm/", new_password_page, name="password_reset_confirm"),
]
