"""Log-ins over the API: a short-lived access token, and a refresh token that is good once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings

from accounts.errors import WrongCredentials
from accounts.models import LoginEnd, LoginSession, User
from accounts.selectors import login_with_rights
from accounts.services.callers import Caller
from accounts.services.login import Credentials, log_in
from accounts.services.sessions import end_login
from accounts.tokens import Claims, TokenKind, make_token, read_token
from systemevents.models import Severity
from systemevents.services.audit import record_audit
from systemevents.services.events import record_event
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Unavailable
from tradingsite.core.locking import lock
from tradingsite.core.text import storable
from tradingsite.core.transactions import in_transaction, require_outermost

_BAD_REFRESH = "This refresh token is not valid, was used already, or its log-in has ended: log in again."


@dataclass(frozen=True, slots=True)
class TokenPair:
    """The two tokens of a log-in, and until when each is good; printed by accident, they do not leak."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    access_expires_at: datetime
    refresh_expires_at: datetime


def log_in_for_tokens(*, credentials: Credentials, caller: Caller) -> TokenPair:
    """Log in over the API. Raises what `log_in` raises, and Unavailable without a JWT_SIGNING_KEY."""
    key = _signing_key()
    return log_in(credentials=credentials, caller=caller, begin=lambda actor, user: _begin(actor, user, caller, key))


def refresh_tokens(*, refresh: str, caller: Caller) -> TokenPair:
    """A new pair for a refresh token, which is good for this once.

    A refresh token that comes twice was stolen, or its answer was: nobody can tell which of the
    two is the thief, so the log-in ends, with a system event. Of two who refresh with one token at
    the same moment the second one is that second time. Raises WrongCredentials; Unavailable without a JWT_SIGNING_KEY.
    """
    require_outermost()
    key = _signing_key()
    claims = read_token(refresh, TokenKind.REFRESH, key=key)
    pair = None if claims is None else _exchange(claims, caller, key)
    if pair is None:
        raise WrongCredentials(_BAD_REFRESH)
    return pair


def actor_of_refresh_token(*, refresh: str, caller: Caller) -> Actor:
    """Who comes with a refresh token, to log out: whoever has it could go on with the log-in, so they may end it.

    Raises WrongCredentials when it is not valid or the log-in has ended; Unavailable without a JWT_SIGNING_KEY.
    """
    claims = read_token(refresh, TokenKind.REFRESH, key=_signing_key())
    login = None if claims is None else login_with_rights(claims.login_id)
    if login is None or not (login.is_alive(clock.now()) and login.user.is_active):
        raise WrongCredentials(_BAD_REFRESH)
    return replace(caller.actor(login.user), login_id=login.public_id)


def find_live_login(text: str) -> LoginSession | None:
    """The log-in of an access token, its user and their rights with it, when both are good now.

    No query when the token is none of ours, one otherwise. None also when the log-in has
    ended or the user is deactivated.
    """
    claims = read_token(text, TokenKind.ACCESS, key=settings.JWT_SIGNING_KEY)
    if claims is None:
        return None
    login = login_with_rights(claims.login_id)
    if login is None or login.user_id != claims.user_id or not login.user.is_active:
        return None
    return login if login.is_alive(clock.now()) else None


def _begin(actor: Actor, user: User, caller: Caller, key: str) -> TokenPair:
    now = clock.now()
    login = LoginSession(
        user=user,
        public_id=uuid4().hex,
        started_at=now,
        address=caller.address,
        user_agent=storable(caller.user_agent)[:200],
    )
    pair = _new_pair(login, now, key)
    login.save()
    record_audit(actor, "login.started", login, after={"expires_at": login.expires_at})
    return pair


@in_transaction
def _exchange(claims: Claims, caller: Caller, key: str) -> TokenPair | None:
    """The next pair; None when the token is not the one that is good. A refusal is an answer, so that it is kept."""
    login = LoginSession.objects.filter(public_id=claims.login_id).first()
    if login is None:
        return None
    # The user's row first, as whatever ends log-ins takes it.
    user, login, now = lock(login.user), lock(login), clock.now()
    if not (login.is_alive(now) and user.is_active):
        return None
    if login.refresh_id != claims.token_id:
        _end_reused(caller.actor(user), login)
        return None
    pair = _new_pair(login, now, key)
    login.save(update_fields=["refresh_id", "refreshed_at", "expires_at"])
    return pair


def _end_reused(actor: Actor, login: LoginSession) -> None:
    end_login(actor=actor, login=login, reason=LoginEnd.REUSE)
    record_event(
        actor=actor,
        event_type="login.token_reused",
        source="accounts",
        severity=Severity.WARNING,
        description=(
            f"A refresh token of {actor.label} was used twice, the second time from "
            f"{actor.address or 'an unknown address'}: it may be stolen, so that log-in has ended."
        ),
        details={"user": actor.label, "address": actor.address, "login": login.pk, "begun_from": login.address},
    )


def _new_pair(login: LoginSession, now: datetime, key: str) -> TokenPair:
    """The next two tokens, which the log-in now hangs on; the caller saves it."""
    # Whole seconds, as tokens have them.
    now = now.replace(microsecond=0)
    login.refresh_id, login.refreshed_at = uuid4().hex, now
    login.expires_at = now + timedelta(days=settings.REFRESH_TOKEN_DAYS)
    access_until = now + timedelta(minutes=settings.ACCESS_TOKEN_MINUTES)

    def token(kind: TokenKind, token_id: str, until: datetime) -> str:
        return make_token(Claims(kind, login.public_id, login.user_id, token_id, now, until), key=key)

    return TokenPair(
        access=token(TokenKind.ACCESS, uuid4().hex, access_until),
        refresh=token(TokenKind.REFRESH, login.refresh_id, login.expires_at),
        access_expires_at=access_until,
        refresh_expires_at=login.expires_at,
    )


def _signing_key() -> str:
    key = str(settings.JWT_SIGNING_KEY)
    if not key:
        raise Unavailable("JWT_SIGNING_KEY is not set on this site, so nobody can log in over the API.")
    return key
