"""The day that somebody leaves: everything they came in by ends, what they kept goes to somebody else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import ApiKey, Invitation, LoginEnd, LoginSession, User
from accounts.services.api_keys import end_keys_of
from accounts.services.sessions import end_logins
from accounts.services.users import refuse_user_beyond
from systemevents.models import Severity
from systemevents.services.audit import record_audit
from systemevents.services.events import record_event
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from tradingsite.core.locking import lock, lock_all
from tradingsite.core.registry import registry
from tradingsite.core.text import is_storable
from tradingsite.core.transactions import in_transaction

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Departed:
    """A user who was deactivated: what ended with that and what was handed over, a sentence each."""

    user: User
    ended: list[str]
    handed_over: list[str]


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends when a user is deactivated, and what can be handed over, a line each."""

    keys: int
    logins: int
    invitations: int
    holdings: list[str]


def what_would_end(user: User) -> Ending:
    """What deactivating this user would end now. Sessions of the admin end too; nobody counts those."""
    now = clock.now()
    departures = registry.departures.values()
    return Ending(
        keys=ApiKey.objects.filter(owner=user, revoked_at=None).exclude(expires_at__lte=now).count(),
        logins=LoginSession.objects.filter(user=user, ended_at=None, expires_at__gt=now).count(),
        invitations=Invitation.objects.filter(
            owner=user, revoked_at=None, accepted_at=None, expires_at__gt=now
        ).count(),
        holdings=[line for departure in departures if departure.holdings for line in departure.holdings(user)],
    )


@in_transaction
def deactivate_user(*, actor: Actor, user: User, hand_over_to: User | None = None, reason: str = "") -> Departed:
    """Shut a user out at once: API keys, log-ins, sessions and invitations end, what apps registered stops.

    With `hand_over_to` what can be handed over becomes theirs. All of it happens, or nothing. Who is
    deactivated already stays so; what they still have is ended or handed over all the same.
    Raises Forbidden without accounts.change_user, when the user holds rights that the actor lacks,
    or when something is to be handed over by who may not see it; Conflict for the actor themselves
    and the last superuser; InvalidInput for a receiver who is the same person or deactivated.
    """
    actor.require("accounts.change_user")
    reason = _clean_reason(reason)
    user, receiver = lock_people(user, hand_over_to)
    refuse_user_beyond(actor, user)
    if user.pk == actor.user_id:
        raise Conflict("You can't take away your own access.")
    if receiver is not None:
        _refuse_receiver(actor, user, receiver)
    was_active = user.is_active
    if was_active:
        refuse_last_superuser(user)
        user.is_active = False
        user.save(update_fields=["is_active"])
    ended = _end_everything(actor, user, was_active=was_active)
    handed_over = [] if receiver is None else _hand_over(actor, user, receiver)
    if was_active or ended or handed_over:
        _tell(actor, user, receiver, Departed(user, ended, handed_over), was_active=was_active, reason=reason)
    return Departed(user, ended, handed_over)


@in_transaction
def reactivate_user(*, actor: Actor, user: User) -> User:
    """Let a user log in again; doing it again changes nothing.

    Nothing else comes back: keys stay revoked, old log-ins and sessions ended, what was handed over
    stays where it is. Raises Forbidden as `deactivate_user` does.
    """
    actor.require("accounts.change_user")
    user = lock(user)
    refuse_user_beyond(actor, user)
    if not user.is_active:
        user.is_active = True
        user.save(update_fields=["is_active"])
        record_audit(actor, "user.reactivated", user, before={"is_active": False}, after={"is_active": True})
    return user


def lock_people(user: User, other: User | None = None) -> tuple[User, User | None]:
    """Both as they are now, locked; with a superuser all active ones, as `refuse_last_superuser` wants it."""
    wanted = {user.pk, *([] if other is None else [other.pk])}
    if user.is_superuser:
        wanted |= set(User.objects.filter(is_superuser=True, is_active=True).values_list("pk", flat=True))
    rows = {row.pk: row for row in lock_all(User, wanted)}
    if not {user.pk, *([] if other is None else [other.pk])} <= set(rows):
        raise NotFound
    return rows[user.pk], None if other is None else rows[other.pk]


def refuse_last_superuser(user: User) -> None:
    """Raise Conflict when nobody else is an active superuser.

    After `lock_people`, whose locks keep it so: of two who shut each other out the second is refused.
    """
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if user.is_superuser and user.is_active and not lock_all(User, others.values_list("pk", flat=True)):
        raise Conflict(f"{user.username} is the last active superuser.")


def _refuse_receiver(actor: Actor, user: User, receiver: User) -> None:
    if not actor.sees_everything:
        raise Forbidden("Only who sees everybody's rows hands them over.")
    if receiver.pk == user.pk:
        raise InvalidInput.field("hand_over_to", "Choose another person than the one who leaves.", code="same_user")
    if not receiver.is_active:
        raise InvalidInput.field("hand_over_to", f"{receiver.username} is deactivated.", code="deactivated")


def _clean_reason(reason: str) -> str:
    reason = " ".join(reason.split())
    if len(reason) > LONGEST_REASON or not is_storable(reason):
        raise InvalidInput.field("reason", f"A reason has at most {LONGEST_REASON} printable characters.")
    return reason


def _end_everything(actor: Actor, user: User, *, was_active: bool) -> list[str]:
    """End what the user comes in by and what must not go on without them; answers a sentence each."""
    ended = [f"API key tsk_{key.public_id} ({key.name})" for key in end_keys_of(actor=actor, owner=user)]
    if was_active:
        logins = end_logins(actor=actor, user=user, reason=LoginEnd.DEACTIVATION)
        ended.append(f"{logins} log-in{'' if logins == 1 else 's'} and every session of the admin")
    ended += [f"invitation of {invitation.email}" for invitation in _revoke_invitations(actor, user)]
    for departure in registry.departures.values():
        if departure.stop is not None:
            ended += departure.stop(actor, user)
    return ended


def _revoke_invitations(actor: Actor, user: User) -> list[Invitation]:
    now = clock.now()
    waiting = Invitation.objects.filter(owner=user, revoked_at=None, accepted_at=None, expires_at__gt=now)
    open_ones = [
        invitation
        for invitation in lock_all(Invitation, waiting.values_list("pk", flat=True))
        if invitation.revoked_at is None and invitation.accepted_at is None
    ]
    for invitation in open_ones:
        invitation.revoked_at = now
        invitation.save(update_fields=["revoked_at"])
        record_audit(actor, "invitation.revoked", invitation, before={"revoked_at": None}, after={"revoked_at": now})
    return open_ones


def _hand_over(actor: Actor, user: User, receiver: User) -> list[str]:
    given: list[str] = []
    for departure in registry.departures.values():
        if departure.hand_over is not None:
            given += departure.hand_over(actor, user, receiver)
    return given


def _tell(
    actor: Actor, user: User, receiver: User | None, departed: Departed, *, was_active: bool, reason: str
) -> None:
    """One audit entry that names everything, and a system event for who was not there."""
    said: dict[str, object] = {"reason": reason, "ended": departed.ended, "handed_over": departed.handed_over}
    if receiver is not None:
        said["handed_over_to"] = receiver.username
    action = "user.deactivated" if was_active else "user.handed_over"
    before = {"is_active": True} if was_active else None
    record_audit(actor, action, user, before=before, after={"is_active": False, **said})
    verb = "deactivated" if was_active else "cleared out after the deactivation"
    record_event(
        actor=actor,
        event_type=action,
        source="accounts",
        severity=Severity.WARNING,
        description=f"{user.username} was {verb} by {actor.label}: {_counted(departed, receiver)}.",
        details={"user": user.username, **said},
    )


def _counted(departed: Departed, receiver: User | None) -> str:
    parts = [_count(departed.ended, "ended")]
    if receiver is not None:
        parts.append(f"{_count(departed.handed_over, 'handed over')} to {receiver.username}")
    return ", ".join(parts)


def _count(things: Iterable[str], what: str) -> str:
    number = len(list(things))
    return f"{number} thing{'' if number == 1 else 's'} {what}"
