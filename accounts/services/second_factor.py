"""Setting up, asking for, renewing, removing and resetting the second factor."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar, cast

from django.conf import settings

from accounts.encryption import Unreadable, decrypt, derived_key, encrypt
from accounts.errors import CodeNeeded, WrongCode
from accounts.models import LoginEnd, RecoveryCode, SecondFactor, User
from accounts.second_factor_codes import (
    app_code,
    is_among,
    make_recovery_codes,
    make_secret,
    matching_step,
    provisioning_uri,
    recovery_code,
    recovery_digest,
    seconds_refused,
)
from accounts.services.sessions import end_logins
from accounts.services.users import refuse_user_beyond
from systemevents.models import Severity
from systemevents.services.audit import record_audit
from systemevents.services.events import record_event
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput
from tradingsite.core.locking import lock, lock_all
from tradingsite.core.transactions import in_transaction, require_outermost

R = TypeVar("R")

SOURCE = "accounts"
WRONG = "This code is wrong, or it was used already. Wait for the next one, or use a recovery code."
UNREADABLE = (
    "This second factor was set up under another SECRET_KEY and can't be read any more. "
    "Ask an administrator to reset it; then set it up anew."
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewFactor:
    """What the app needs to know: shown while it is set up, and never again once it is confirmed."""

    secret: str
    uri: str

    def __repr__(self) -> str:  # printed by accident, it does not leak
        return "NewFactor(…)"


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[R]):
    """What came of a code: a refusal in a sentence, or the answer of what it was given for."""

    refusal: str = ""
    answer: R | None = None


@in_transaction
def begin_second_factor(*, actor: Actor) -> NewFactor:
    """A new secret for the actor's app, asked for at no log-in before it is confirmed; an earlier unconfirmed one goes.

    Raises Forbidden with an API key, Conflict when there is a confirmed one.
    """
    user = _oneself(actor)
    factor = _locked_factor(user)
    if factor is not None and factor.confirmed_at is not None:
        raise Conflict("You have a second factor. Remove it before you set up another.")
    secret = make_secret()
    SecondFactor.objects.update_or_create(
        user=user,
        defaults={
            "secret": encrypt(secret, secret_keys=_secret_keys(), purpose=_secret_purpose(user)),
            "created_at": clock.now(),
            "last_step": None,
            "failures": 0,
            "refused_until": None,
        },
    )
    record_audit(actor, "second_factor.begun", user)
    return _new_factor(user, secret)


def pending_factor(*, actor: Actor) -> NewFactor | None:
    """What the app needs to know of the secret that is begun and not confirmed yet, or None; Forbidden with a key."""
    user = _oneself(actor)
    factor = SecondFactor.objects.filter(user=user, confirmed_at=None).first()
    if factor is None:
        return None
    try:
        return _new_factor(user, _secret(factor))
    except Unreadable:
        return None


@in_transaction
def confirm_second_factor(*, actor: Actor, code: str) -> list[str]:
    """Switch the second factor on with a code of the app; answers the recovery codes, shown this once.

    Raises Forbidden with an API key, Conflict when nothing was begun or it is on already, InvalidInput when the
    code is wrong.
    """
    user = _oneself(actor)
    factor = _locked_factor(user)
    if factor is None:
        raise Conflict("Begin first: there is no secret that a code could be of.")
    if factor.confirmed_at is not None:
        raise Conflict("Your second factor is on already.")
    digits, now = app_code(code), clock.now()
    try:
        step = None if digits is None else matching_step(_secret(factor), digits, at=now, after=None)
    except Unreadable:
        raise Conflict("Begin anew: this secret was made under another SECRET_KEY.") from None
    if step is None:
        raise InvalidInput.field(
            "code", "This is not the code that the app shows now. Is the clock of the phone right?", code=WrongCode.code
        )
    factor.confirmed_at, factor.last_step = now, step
    factor.save(update_fields=["confirmed_at", "last_step"])
    codes = _replace_recovery_codes(user)
    record_audit(actor, "second_factor.confirmed", user, after={"recovery_codes": len(codes)})
    return codes


def renew_recovery_codes(*, actor: Actor, code: str) -> list[str]:
    """Ten new recovery codes, shown this once; the earlier ones end.

    Raises Forbidden with an API key, Conflict without a second factor, InvalidInput when the code is wrong.
    """
    user = _oneself(actor)

    def renew(factor: SecondFactor) -> list[str]:
        codes = _replace_recovery_codes(user)
        record_audit(actor, "second_factor.recovery_codes_renewed", user, after={"recovery_codes": len(codes)})
        return codes

    return _with_code_of_oneself(actor, user, code, renew)


def remove_second_factor(*, actor: Actor, code: str) -> None:
    """Switch one's own second factor off, with a last code of it. Log-ins go on.

    Raises Forbidden with an API key, Conflict without a second factor, InvalidInput when the code is wrong.
    """
    user = _oneself(actor)

    def remove(factor: SecondFactor) -> None:
        _delete(factor)
        record_audit(actor, "second_factor.removed", user)

    _with_code_of_oneself(actor, user, code, remove)


@in_transaction
def reset_second_factor(*, actor: Actor, user: User) -> bool:
    """Take away somebody's second factor, who lost it, and end their log-ins; answers whether there was one.

    Leaves a system event. Raises Forbidden with an API key, without accounts.change_user, or when the user holds
    rights that the actor lacks; Conflict for oneself.
    """
    _refuse_keys(actor)
    actor.require("accounts.change_user")
    refuse_user_beyond(actor, user)
    if actor.user_id == user.pk:
        raise Conflict("Remove your own second factor with a code of it, or have somebody else reset it.")
    person = lock(user)
    factor = _locked_factor(person)
    if factor is None:
        return False
    was_on = factor.confirmed_at is not None
    _delete(factor)
    end_logins(actor=actor, user=person, reason=LoginEnd.FACTOR)
    record_audit(actor, "second_factor.reset", person, before={"confirmed_at": factor.confirmed_at})
    if was_on:
        record_event(
            actor=actor,
            event_type="second_factor.reset",
            source=SOURCE,
            severity=Severity.WARNING,
            description=f"{actor.label} reset the second factor of {person.username}.",
            details={"user": person.username, "by": actor.label},
        )
    return True


def require_second_factor(*, user: User, code: str, actor: Actor | None = None) -> None:
    """Let a log-in pass whose password was right: without a second factor at once, else by a good code, used up now.

    Raises CodeNeeded when a code is missing, WrongCode when it is wrong, was used, or codes of
    the app are refused after too many wrong ones; a recovery code is good even then. Wrong ones
    are counted, so this must be called outside of any transaction: RuntimeError inside of one.
    """
    require_outermost()
    actor = actor or Actor.of(user, front=Front.API)
    if not SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).exists():
        return
    if not code.strip():
        raise CodeNeeded("Send a code of your app, or a recovery code, along with the password.")
    outcome = _with_code(actor, user, code, _let_pass)
    if outcome is not None and outcome.refusal:
        raise WrongCode(outcome.refusal)


def _let_pass(factor: SecondFactor) -> None:
    """A log-in wants nothing more of the factor."""


def _with_code_of_oneself(actor: Actor, user: User, code: str, effect: Callable[[SecondFactor], R]) -> R:
    """What a good code is needed for by somebody who is logged in: a wrong one is wrong input."""
    require_outermost()
    outcome = _with_code(actor, user, code, effect)
    if outcome is None:
        raise Conflict("You have no second factor.")
    if outcome.refusal:
        raise InvalidInput.field("code", outcome.refusal, code=WrongCode.code)
    return cast(R, outcome.answer)


@in_transaction
def _with_code(actor: Actor, user: User, code: str, effect: Callable[[SecondFactor], R]) -> _Outcome[R] | None:
    """Take the code and do what it was given for, in one transaction; None without a confirmed factor.

    A refusal is an answer, no error, which would undo the count of wrong codes.
    """
    factor = _locked_factor(user)
    if factor is None or factor.confirmed_at is None:
        return None
    try:
        refusal = _refusal(actor, factor, code)
    except Unreadable:
        logger.error("The second factor of %s can't be read: SECRET_KEY is another one.", user.username)
        return _Outcome(refusal=UNREADABLE)
    return _Outcome(refusal=refusal) if refusal else _Outcome(answer=effect(factor))


def _refusal(actor: Actor, factor: SecondFactor, code: str) -> str:
    """Use the code up; why not, in a sentence, or nothing."""
    if (recovery := recovery_code(code)) is not None:
        return "" if _use_recovery_code(actor, factor, recovery) else WRONG
    digits = app_code(code)
    if digits is None:
        return "A code has six digits; a recovery code has sixteen letters and digits, as in abcd-efgh-2345-wxyz."
    return _use_app_code(actor, factor, digits, now=clock.now())


def _use_app_code(actor: Actor, factor: SecondFactor, digits: str, *, now: datetime) -> str:
    if factor.refused_until is not None and now < factor.refused_until:
        # Not even looked at, and not counted: who waits gets in.
        return (
            f"Too many wrong codes: codes of the app are refused until {factor.refused_until:%Y-%m-%d %H:%M:%S} UTC. "
            "A recovery code works."
        )
    step = matching_step(_secret(factor), digits, at=now, after=factor.last_step)
    if step is not None:
        factor.last_step, factor.failures, factor.refused_until = step, 0, None
        factor.save(update_fields=["last_step", "failures", "refused_until"])
        return ""
    factor.failures = min(factor.failures + 1, 1000)
    if wait := seconds_refused(factor.failures):
        factor.refused_until = now + timedelta(seconds=wait)
        _tell_of_guessing(actor, factor)
    factor.save(update_fields=["failures", "refused_until"])
    return WRONG


def _tell_of_guessing(actor: Actor, factor: SecondFactor) -> None:
    name = factor.user.username
    record_event(
        actor=actor,
        event_type="second_factor.guessed",
        source=SOURCE,
        severity=Severity.WARNING,
        description=(
            f"{factor.failures} wrong codes in a row for {name}, each with the right password: if it was not them, "
            "the password is known to somebody. Codes of the app are refused for a while."
        ),
        details={"user": name, "failures": factor.failures, "refused_until": factor.refused_until},
    )


def _use_recovery_code(actor: Actor, factor: SecondFactor, code: str) -> bool:
    unused = list(RecoveryCode.objects.filter(user=factor.user_id, used_at=None))
    for secret in _secret_keys():
        digest = recovery_digest(code, user_id=factor.user_id, key=derived_key(secret, purpose="recovery codes"))
        if is_among(digest, [row.digest for row in unused]):
            break
    else:
        return False
    RecoveryCode.objects.filter(user=factor.user_id, digest=digest).update(used_at=clock.now())
    factor.failures, factor.refused_until = 0, None
    factor.save(update_fields=["failures", "refused_until"])
    left, name = len(unused) - 1, factor.user.username
    record_audit(actor, "second_factor.recovery_code_used", factor.user, after={"left": left})
    record_event(
        actor=actor,
        event_type="second_factor.recovery_code_used",
        source=SOURCE,
        severity=Severity.WARNING,
        description=f"{name} used a recovery code in place of the app; {left} are left.",
        details={"user": name, "left": left},
    )
    return True


def _replace_recovery_codes(user: User) -> list[str]:
    codes, secret = make_recovery_codes(), _secret_keys()[0]
    key = derived_key(secret, purpose="recovery codes")
    RecoveryCode.objects.filter(user=user).delete()
    for code in codes:
        normal = cast(str, recovery_code(code))
        RecoveryCode.objects.create(user=user, digest=recovery_digest(normal, user_id=user.pk, key=key))
    return codes


def _new_factor(user: User, secret: str) -> NewFactor:
    issuer = str(settings.UNFOLD["SITE_TITLE"])
    return NewFactor(secret=secret, uri=provisioning_uri(secret, issuer=issuer, account=user.username))


def _delete(factor: SecondFactor) -> None:
    RecoveryCode.objects.filter(user=factor.user_id).delete()
    factor.delete()


def _locked_factor(user: User) -> SecondFactor | None:
    """The user's factor, nobody else's until the transaction ends."""
    # The user first, as whoever resets it does; and so that two who begin at once don't overwrite each other.
    lock(user)
    factors = lock_all(SecondFactor, SecondFactor.objects.filter(user=user).values_list("pk", flat=True))
    return factors[0] if factors else None


def _oneself(actor: Actor) -> User:
    _refuse_keys(actor)
    if actor.user is None:
        raise Forbidden("The software has no second factor of its own.")
    return cast(User, actor.user)


def _refuse_keys(actor: Actor) -> None:
    if actor.key_id:
        raise Forbidden("An API key can't touch the second factor of a person: log in.")


def _secret_keys() -> list[str]:
    return [str(settings.SECRET_KEY), *map(str, settings.SECRET_KEY_FALLBACKS)]


def _secret_purpose(user: User) -> str:
    return f"second factor of user {user.pk}"


def _secret(factor: SecondFactor) -> str:
    """The secret in clear. Raises Unreadable."""
    return decrypt(factor.secret, secret_keys=_secret_keys(), purpose=_secret_purpose(factor.user))
