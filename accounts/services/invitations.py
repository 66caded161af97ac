"""Inviting people, and their coming in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from accounts import mail_texts
from accounts.errors import RegistrationClosed
from accounts.models import Invitation, User
from accounts.one_time_tokens import LONGEST, digest_of, make_token
from accounts.services.callers import Caller
from accounts.services.mails import mail_is_set_up, send_after_commit
from accounts.services.registration import software, takes_invitations
from accounts.services.users import clean_email, clean_user, create_user, refuse_rights_beyond, refuse_weak_password
from systemevents.services.audit import columns, record_audit
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput
from tradingsite.core.locking import lock, lock_all
from tradingsite.core.transactions import in_transaction

GOOD_FOR = timedelta(days=7)
PERMISSION = "accounts.add_invitation"


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation just made; its link, known only now, where no mail carries it."""

    invitation: Invitation
    link: str = field(repr=False)


@in_transaction
def invite(*, actor: Actor, email: str, roles: Iterable[str] = ()) -> NewInvitation:
    """Invite somebody, who gets these roles (viewer without any); the link goes by mail where mail is set up.

    Raises Conflict where REGISTRATION is closed, or to who sees everybody when the e-mail is a user's;
    Forbidden without accounts.add_invitation or for a role with rights that the actor lacks;
    InvalidInput whose `errors` name the fields.
    """
    actor.require(PERMISSION)
    if not takes_invitations():
        raise Conflict("Nobody can accept an invitation here: set REGISTRATION=invite first.")
    if actor.user is None:
        raise ValueError("The software invites nobody.")
    names = sorted(set(roles))
    _refuse_roles_beyond(actor, names)
    token, now = make_token(), clock.now()
    invitation = Invitation(
        owner=cast(User, actor.user),
        email=clean_email(email),
        roles=names,
        token_digest=digest_of(token),
        created_at=now,
        expires_at=now + GOOD_FOR,
    )
    if actor.sees_everything and User.objects.filter(email=invitation.email).exists():
        raise Conflict("A user with that e-mail exists.")
    invitation.save()
    record_audit(actor, "invitation.created", invitation, after=columns(invitation))
    link = f"{settings.PUBLIC_URL}/admin/invitation/?token={token}"
    if mail_is_set_up():
        text = mail_texts.invitation(site=settings.PUBLIC_URL, inviter=actor.label, link=link, days=GOOD_FOR.days)
        send_after_commit(to=invitation.email, text=text)
    return NewInvitation(invitation, "" if mail_is_set_up() else link)


@in_transaction
def revoke_invitation(*, actor: Actor, invitation: Invitation) -> Invitation:
    """Take an invitation back; again changes nothing.

    Raises Forbidden without accounts.change_invitation, Conflict when it was accepted.
    """
    actor.require("accounts.change_invitation")
    invitation = lock(invitation)
    if invitation.accepted_at is not None:
        raise Conflict("The invitation was accepted already. Deactivate the user instead.")
    if invitation.revoked_at is None:
        invitation.revoked_at = clock.now()
        invitation.save(update_fields=["revoked_at"])
        record_audit(actor, "invitation.revoked", invitation, after={"revoked_at": invitation.revoked_at})
    return invitation


def accept_invitation(*, caller: Caller, token: str, username: str, password: str, email: str | None = None) -> User:
    """Make the user who was invited, with the roles of the invitation, at once.

    Raises RegistrationClosed; InvalidInput for a token that is unknown, used, revoked, too old, or whose
    inviter may not invite so any more, before it tells anything about who exists, then for what is
    wrong with the rest. Waits while hashing: not for the inside of a transaction.
    """
    if not takes_invitations():
        raise RegistrationClosed
    stranger = User(username=username)
    clean_user(stranger)
    refuse_weak_password(password, stranger)
    return _accept(caller, token, username, email, make_password(password))


@in_transaction
def _accept(caller: Caller, token: str, username: str, email: str | None, password_hash: str) -> User:
    found = Invitation.objects.filter(token_digest=digest_of(token[: LONGEST + 1])).values_list("pk", flat=True)
    rows = lock_all(Invitation, list(found))
    if not rows or not is_good(rows[0]):
        raise InvalidInput.field(
            "invitation", "This invitation is not good any more. Ask for another one.", code="bad_token"
        )
    invitation = rows[0]
    if email is not None and clean_email(email) != invitation.email:
        raise InvalidInput.field("email", "The invitation is for another e-mail.", code="not_invited")
    user = create_user(
        actor=software(caller, "invitation"),
        username=username,
        email=invitation.email,
        password_hash=password_hash,
        roles=invitation.roles,
    )
    invitation.accepted_at, invitation.accepted_by = clock.now(), user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    who = Actor.of(user, front=caller.front, request_id=caller.request_id, address=caller.address)
    record_audit(who, "invitation.accepted", invitation, after={"accepted_by": user.username})
    return user


def state_of(invitation: Invitation) -> str:
    """In a word: open, accepted, revoked or expired."""
    if invitation.accepted_at is not None:
        return "accepted"
    if invitation.revoked_at is not None:
        return "revoked"
    return "open" if clock.now() < invitation.expires_at else "expired"


def is_good(invitation: Invitation) -> bool:
    """Whether it can be accepted: open, and its inviter may still invite to these roles."""
    if state_of(invitation) != "open" or not invitation.owner.is_active:
        return False
    # Asked anew: who was demoted since leaves no back door.
    inviter = Actor.of(invitation.owner, front=Front.JOB)
    try:
        inviter.require(PERMISSION)
        _refuse_roles_beyond(inviter, invitation.roles)
    except (Forbidden, InvalidInput):
        return False
    return True


def _refuse_roles_beyond(actor: Actor, names: list[str]) -> None:
    groups = list(Group.objects.filter(name__in=names).prefetch_related("permissions__content_type"))
    if unknown := set(names) - {group.name for group in groups}:
        raise InvalidInput.field("roles", f"There is no role {', '.join(sorted(unknown))}.")
    for group in groups:
        refuse_rights_beyond(actor, group)
