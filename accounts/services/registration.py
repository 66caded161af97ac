"""Registering: asked for by a stranger, confirmed by who reads the e-mail."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password

from accounts import mail_texts
from accounts.errors import RegistrationClosed
from accounts.mail_texts import MailText
from accounts.models import Registration, User
from accounts.one_time_tokens import LONGEST, digest_of, make_token
from accounts.services.callers import Caller
from accounts.services.mails import mail_is_set_up, send_after_commit
from accounts.services.users import clean_user, create_user, refuse_weak_password
from systemevents.services.audit import record_audit
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import InvalidInput
from tradingsite.core.locking import lock_all
from tradingsite.core.registry import Job
from tradingsite.core.transactions import in_transaction

GOOD_FOR = timedelta(hours=24)
_PURGED_AT_ONCE = 1000


def is_open() -> bool:
    """Whether strangers may register: only where mail can be sent, whatever REGISTRATION says."""
    return bool(settings.REGISTRATION == "open" and mail_is_set_up())


def takes_invitations() -> bool:
    """Whether who is invited may become a user."""
    return bool(settings.REGISTRATION == "invite" or is_open())


def software(caller: Caller, name: str) -> Actor:
    """The software, doing something for a stranger who stands there."""
    return Actor(label=f"system:{name}", front=caller.front, request_id=caller.request_id, address=caller.address)


def register(*, caller: Caller, username: str, email: str, password: str) -> None:
    """Take a registration and write to the e-mail what comes next.

    Whether name and e-mail are known or not: the same queries, one hash, one mail, no answer. Raises
    RegistrationClosed; InvalidInput for what is wrong whoever exists. Waits while hashing: not for
    the inside of a transaction.
    """
    if not is_open():
        raise RegistrationClosed
    stranger = User(username=username, email=email)
    clean_user(stranger)
    if stranger.email is None:
        raise InvalidInput.field("email", "An e-mail is needed: the registration goes on there.", code="blank")
    refuse_weak_password(password, stranger)
    _take(software(caller, "register"), stranger, make_password(password))


@in_transaction
def _take(actor: Actor, stranger: User, password_hash: str) -> None:
    known = User.objects.filter(email=stranger.email).first()
    name_is_taken = User.objects.filter(username=stranger.username).exists()
    token, now = make_token(), clock.now()
    is_free = known is None and not name_is_taken
    # Written also where it leads to nothing, as the same work; then its token goes to nobody, and it has ended.
    row = Registration.objects.create(
        email=stranger.email,
        username=stranger.username,
        password=password_hash if is_free else "!",
        token_digest=digest_of(token),
        created_at=now,
        expires_at=now + GOOD_FOR if is_free else now,
    )
    record_audit(actor, "registration.requested", row)
    send_after_commit(to=row.email, text=_mail(row, token, known, name_is_taken=name_is_taken))


def _mail(row: Registration, token: str, known: User | None, *, name_is_taken: bool) -> MailText:
    site = settings.PUBLIC_URL
    if known is not None:
        reset = f"{site}/admin/password_reset/"
        return mail_texts.already_registered(site=site, username=known.username, reset_link=reset)
    if name_is_taken:
        link = f"{site}/admin/register/"
        return mail_texts.username_taken(site=site, username=row.username, register_link=link)
    return mail_texts.confirm_registration(
        site=site,
        username=row.username,
        link=f"{site}/admin/register/confirm/?token={token}",
        hours=int(GOOD_FOR.total_seconds()) // 3600,
    )


def confirm_registration(*, caller: Caller, token: str) -> User:
    """Make the user of a registration, once, by the token that came by mail.

    Raises RegistrationClosed, InvalidInput for a token that is unknown, used or too old, or whose
    name or e-mail somebody else took meanwhile.
    """
    if not is_open():
        raise RegistrationClosed
    return _confirm(caller, token)


@in_transaction
def _confirm(caller: Caller, token: str) -> User:
    found = list(Registration.objects.filter(token_digest=digest_of(token[: LONGEST + 1])).values_list("pk", flat=True))
    # Of two who confirm at once, the second finds no row behind the lock.
    rows = [row for row in lock_all(Registration, found) if clock.now() < row.expires_at]
    if not rows:
        raise InvalidInput.field("token", "This link is not good any more. Register again.", code="bad_token")
    row = rows[0]
    user = create_user(
        actor=software(caller, "register"), username=row.username, email=row.email, password_hash=row.password
    )
    record_audit(
        Actor.of(user, front=caller.front, request_id=caller.request_id, address=caller.address),
        "registration.confirmed",
        user,
    )
    Registration.objects.filter(email=row.email).delete()
    return user


@in_transaction
def purge_registrations(*, actor: Actor) -> int:
    """Throw registrations away that nobody confirmed in time; answers how many."""
    actor.require("accounts.delete_registration")
    purged = 0
    while pks := list(
        Registration.objects.filter(expires_at__lte=clock.now()).values_list("pk", flat=True)[:_PURGED_AT_ONCE]
    ):
        purged += Registration.objects.filter(pk__in=pks).delete()[0]
    if purged:
        record_audit(actor, "registrations.purged", after={"count": purged})
    return purged


def _run(actor: Actor) -> str:
    return f"{purge_registrations(actor=actor)} registrations that nobody confirmed are gone."


PURGE = Job("purge_registrations", "Throws registrations away that nobody confirmed within a day.", _run)
