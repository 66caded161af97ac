"""From a request to what the log-in service asks, and from its answer to a session of a browser."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest

from accounts.models import User
from accounts.services.callers import Caller
from accounts.services.login import begin_session, end_session, let_in
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Forbidden

BACKEND = "django.contrib.auth.backends.ModelBackend"


def caller_of(request: Any, front: Front) -> Caller:
    """Where this request comes from; of REST framework or of Django."""
    return Caller(
        front=front,
        address=getattr(request, "client_address", None),
        request_id=getattr(request, "request_id", ""),
        user_agent=str(request.headers.get("User-Agent", "")),
    )


def start_session(request: HttpRequest, user: User, caller: Caller) -> User:
    """Log this browser in as the user whom `check_credentials` answered. Raises what `let_in` raises."""
    return open_session(request, let_in(caller=caller, user=user, begin=begin_session))


def open_session(request: HttpRequest, user: User) -> User:
    """A session under a new id for a user who was let in; it ends with the password and the epoch that it saw."""
    login(request, user, backend=BACKEND)
    return user


def close_session(request: HttpRequest, actor: Actor) -> None:
    """Log this browser out."""
    end_session(actor=actor)
    logout(request)


def refuse_foreign_page(request: HttpRequest) -> None:
    """Raise Forbidden when a browser says that a page of another site sends this.

    Else such a page could log somebody in as somebody else, whose account then fills with what they do.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        is_ours = request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
    else:
        is_ours = origin in {f"{request.scheme}://{request.get_host()}", *settings.CSRF_TRUSTED_ORIGINS}
    if not is_ours:
        raise Forbidden("Log in from a page of this site.")
