"""Ending what people are logged in by: web tokens of the API, sessions of the admin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from accounts.models import LoginEnd, LoginSession, User
from systemevents.services.audit import record_audit
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Forbidden
from tradingsite.core.locking import lock, lock_all
from tradingsite.core.transactions import in_transaction


@in_transaction
def end_logins(*, actor: Actor, user: User, reason: LoginEnd) -> int:
    """End every log-in of a user, and every session of the admin; answers how many log-ins that were.

    For services that take something from a user, in their transaction: they have asked already
    whether the actor may. Who changes their own password over the API keeps the log-in they do it
    by; in the admin the view keeps the session (`update_session_auth_hash`), for which `user` is
    given the new `session_epoch`.
    """
    saved = lock(user)
    kept = actor.login_id if reason == LoginEnd.PASSWORD and actor.user_id == saved.pk else ""
    alive = LoginSession.objects.filter(user=saved, ended_at=None).exclude(public_id=kept)
    ended = alive.update(ended_at=clock.now(), end_reason=reason)
    saved.session_epoch += 1
    saved.save(update_fields=["session_epoch"])
    user.session_epoch = saved.session_epoch
    record_audit(actor, "user.logins_ended", saved, after={"reason": reason, "logins": ended})
    return ended


@in_transaction
def end_logins_of(*, actor: Actor, users: Iterable[User], reason: LoginEnd) -> None:
    """`end_logins` of several users, whose rows are locked in the order of their keys."""
    for user in lock_all(User, [user.pk for user in users]):
        end_logins(actor=actor, user=user, reason=reason)


@in_transaction
def log_out(*, actor: Actor, everywhere: bool = False) -> None:
    """End the log-in that the actor came by, or with `everywhere` all of theirs and every session of the admin.

    Raises Forbidden through an API key, which is no log-in.
    """
    if actor.key_id or actor.user is None:
        raise Forbidden("An API key is no log-in. Revoke it, if that is what you want.")
    user = cast(User, actor.user)
    if everywhere:
        end_logins(actor=actor, user=user, reason=LoginEnd.LOGOUT)
    elif actor.login_id:
        end_login(actor=actor, login=LoginSession.objects.get(public_id=actor.login_id))


@in_transaction
def end_login(*, actor: Actor, login: LoginSession, reason: LoginEnd = LoginEnd.LOGOUT) -> LoginSession:
    """End one log-in, one's own or anybody's for who may change users; ending it again changes nothing.

    Raises Forbidden for somebody else's, and through an API key without accounts.change_loginsession.
    """
    if actor.user_id != login.user_id:
        actor.require("accounts.change_user")
    if actor.key_id:
        actor.require("accounts.change_loginsession")
    login = lock(login)
    if login.ended_at is None:
        login.ended_at, login.end_reason = clock.now(), reason
        login.save(update_fields=["ended_at", "end_reason"])
        record_audit(actor, "login.ended", login, after={"reason": reason})
    return login
