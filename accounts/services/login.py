"""Logging in with a password: the one way, for the API and for the admin."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

from django.contrib.auth.hashers import make_password, verify_password

from accounts.errors import WrongCode, WrongCredentials
from accounts.models import User
from accounts.services.callers import Caller
from accounts.services.lockout import count_failure, forget_failures, refuse_locked_out
from accounts.services.second_factor import require_second_factor
from systemevents.services.audit import record_audit
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.locking import lock
from tradingsite.core.logging import note_actor
from tradingsite.core.transactions import in_transaction, require_outermost

R = TypeVar("R")

# A hash that no password fits, which costs as much to find out as a password that is wrong.
_NOBODYS_HASH = "!"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody who logs in says of themselves; printed by accident, it does not leak."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    code: str = field(default="", repr=False)


def log_in(*, credentials: Credentials, caller: Caller, begin: Callable[[Actor, User], R]) -> R:
    """Let somebody in by name, password and code at once; `begin` starts what they are logged in by.

    Raises what `check_credentials` and `let_in` raise, and CodeNeeded or WrongCode of a second
    factor, once the password was right.
    """
    user = check_credentials(credentials=credentials, caller=caller)
    try:
        require_second_factor(user=user, code=credentials.code, actor=caller.actor(user))
    except WrongCode:
        count_failure(caller, user.username, user)
        raise
    return let_in(caller=caller, user=user, begin=begin)


def check_credentials(*, credentials: Credentials, caller: Caller) -> User:
    """The user whose name and password these are, for `let_in`: they are not logged in by this yet.

    Raises WrongCredentials, in the same words after the same work (one hash of a password)
    whether nobody has the name, the password is wrong or none at all, or the user is deactivated;
    TooManyAttempts while the name is locked out from that address. What fails is counted and
    logged without what was typed. Not inside of a transaction, which would undo the count, and wait while hashing.
    """
    require_outermost()
    name = User.normalize_username(credentials.username)
    refuse_locked_out(caller, name)
    user: User | None = User.objects.filter(username=name).first() if name.isascii() else None
    if user is None or not _is_right(user, credentials.password):
        if user is None:
            verify_password(credentials.password, _NOBODYS_HASH)
        _fail(caller, name, user)
    # Locked by guesses made meanwhile: then nobody learns that this one was right.
    refuse_locked_out(caller, name)
    return user


def let_in(*, caller: Caller, user: User, begin: Callable[[Actor, User], R]) -> R:
    """Log in whom `check_credentials` answered: `begin` in the transaction that sees them still entitled to it.

    Raises WrongCredentials when the password was changed or the user deactivated meanwhile,
    TooManyAttempts when they were locked out.
    """
    begun = _let_in(caller, user, begin)
    if begun is None:
        _fail(caller, user.username, user)
    note_actor(user.username)
    return begun


def begin_session(actor: Actor, user: User) -> User:
    """For `let_in`: the entry in the audit trail of a session in a browser; the session is the front's to make."""
    record_audit(actor, "session.started", user)
    return user


@in_transaction
def end_session(*, actor: Actor) -> None:
    """The entry in the audit trail of logging out of a session in a browser."""
    record_audit(actor, "session.ended", actor.user)


def _is_right(user: User, password: str) -> bool:
    try:
        is_right, is_outdated = verify_password(password, user.password)
    except ValueError:
        logger.error("The password hash of the user %s is none; a new password mends it.", user.pk)
        return False
    if not is_right or not user.is_active:
        return False
    if is_outdated:
        # Not by `check_password`, which saves the better hash over a password that was changed meanwhile.
        better = make_password(password)
        if User.objects.filter(pk=user.pk, password=user.password).update(password=better):
            user.password = better
    return True


@in_transaction
def _let_in(caller: Caller, user: User, begin: Callable[[Actor, User], R]) -> R | None:
    """Begin the log-in, if the password that was right is still the user's; else None."""
    # The row that a change of password, roles or standing holds too: it comes before, and is seen
    # here, or after, and ends what begins here.
    saved = lock(user)
    if saved.password != user.password or not saved.is_active:
        return None
    forget_failures(caller, saved.username)
    saved.last_login = clock.now()
    saved.save(update_fields=["last_login"])
    return begin(caller.actor(saved), saved)


def _fail(caller: Caller, name: str, user: User | None) -> NoReturn:
    count_failure(caller, name, user)
    logger.warning("A log-in failed from %s.", caller.address or "an unknown address")
    raise WrongCredentials("The user name and the password do not fit together, or the account is deactivated.")
