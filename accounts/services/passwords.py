"""One's own password: changed by who knows it, replaced by who reads the e-mail."""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.contrib.auth.hashers import make_password, verify_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator

from accounts import mail_texts
from accounts.errors import WrongPassword
from accounts.models import LoginEnd, User
from accounts.services.callers import Caller
from accounts.services.lockout import count_failure, forget_failures, refuse_locked_out
from accounts.services.mails import mail_is_set_up, send_after_commit
from accounts.services.registration import software
from accounts.services.sessions import end_logins
from accounts.services.users import clean_email, refuse_weak_password
from systemevents.services.audit import record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Forbidden, InvalidInput
from tradingsite.core.locking import lock, lock_all
from tradingsite.core.transactions import in_transaction, require_outermost

_LONGEST_TOKEN = 200


class _ResetTokens(PasswordResetTokenGenerator):
    """Django's: signed, and ended by any change of password, any log-in, another e-mail, the time.

    Ours end as well when all log-ins of the user are ended.
    """

    key_salt = "accounts.services.passwords"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.session_epoch}{user.is_active}"


_tokens = _ResetTokens()


def refuse_key(actor: Actor) -> None:
    """Raise Forbidden for an API key: what a person sets for themselves, no key of theirs does."""
    if actor.key_id or actor.user is None:
        raise Forbidden("Only a person does this, logged in with a password; an API key does not.")


def change_own_password(*, actor: Actor, current_password: str, new_password: str) -> User:
    """Change one's own password, knowing the old one; the other log-ins end.

    Raises Forbidden for a key, WrongPassword (counted as a failed log-in), TooManyAttempts while locked out
    for that, InvalidInput for a weak password. Not inside of a transaction, which would undo the count.
    """
    user, caller = check_own_password(actor, current_password)
    refuse_weak_password(new_password, user, field="new_password")
    return _change(actor, caller, user, make_password(new_password))


def check_own_password(actor: Actor, current_password: str) -> tuple[User, Caller]:
    """The person who acts, and from where, when this is their password.

    Raises Forbidden for a key, WrongPassword (counted as a failed log-in), TooManyAttempts while locked out
    for that. Not inside of a transaction, which would undo the count.
    """
    refuse_key(actor)
    require_outermost()
    user = cast(User, actor.user)
    caller = Caller(front=actor.front, address=actor.address, request_id=actor.request_id)
    refuse_locked_out(caller, user.username)
    if not verify_password(current_password, user.password)[0]:
        count_failure(caller, user.username, user)
        raise WrongPassword.field("current_password", "This is not your password.", code="wrong_password")
    return user, caller


def lock_with_password(caller: Caller, user: User) -> User:
    """The user's row, locked, when it still has the password that was checked; failed log-ins are forgotten.

    Raises WrongPassword when the password was changed meanwhile or the user deactivated.
    """
    saved = lock(user)
    if saved.password != user.password or not saved.is_active:
        raise WrongPassword.field("current_password", "The password was changed meanwhile.", code="wrong_password")
    forget_failures(caller, saved.username)
    return saved


@in_transaction
def _change(actor: Actor, caller: Caller, user: User, password_hash: str) -> User:
    saved = lock_with_password(caller, user)
    return _save(actor, saved, password_hash, action="user.password_changed")


def request_password_reset(*, caller: Caller, email: str) -> None:
    """Send the user with this e-mail a link to a new password; nobody is told whether there is one.

    Users who are deactivated, and those who have no password at all, get nothing. Raises Forbidden
    where no mail is set up, InvalidInput for what is no e-mail.
    """
    if not mail_is_set_up():
        raise Forbidden("This site sends no mail. Ask an administrator for a new password.")
    _request(software(caller, "password_reset"), clean_email(email))


@in_transaction
def _request(actor: Actor, email: str) -> None:
    user = User.objects.filter(email=email, is_active=True).first()
    if user is not None and not user.has_usable_password():
        user = None
    record_audit(actor, "user.password_reset_requested", user)
    if user is None:
        return
    minutes = int(settings.PASSWORD_RESET_TIMEOUT) // 60
    link = f"{settings.PUBLIC_URL}/admin/password_reset/confirm/?token={user.pk}-{_tokens.make_token(user)}"
    text = mail_texts.reset_password(site=settings.PUBLIC_URL, username=user.username, link=link, minutes=minutes)
    send_after_commit(to=email, text=text)


def reset_password(*, caller: Caller, token: str, new_password: str) -> User:
    """Set the password of who got the token by mail, once; all their log-ins end.

    Raises InvalidInput for a token that is wrong, used or too old, and for a weak password. Waits while
    hashing: not for the inside of a transaction.
    """
    user = _user_of(token)
    if user is None:
        raise _bad_token()
    refuse_weak_password(new_password, user, field="new_password")
    return _reset(caller, user.pk, token, make_password(new_password))


@in_transaction
def _reset(caller: Caller, pk: int, token: str, password_hash: str) -> User:
    rows = lock_all(User, [pk])
    # Asked again behind the lock: of two with the same token, one gets through.
    if not rows or not _is_good(rows[0], token):
        raise _bad_token()
    user = rows[0]
    actor = Actor.of(user, front=caller.front, request_id=caller.request_id, address=caller.address)
    return _save(actor, user, password_hash, action="user.password_reset")


def _save(actor: Actor, user: User, password_hash: str, *, action: str) -> User:
    user.password = password_hash
    user.save(update_fields=["password"])
    record_audit(actor, action, user)
    end_logins(actor=actor, user=user, reason=LoginEnd.PASSWORD)
    if user.email and mail_is_set_up():
        text = mail_texts.password_changed(site=settings.PUBLIC_URL, username=user.username)
        send_after_commit(to=user.email, text=text)
    return user


def _user_of(token: str) -> User | None:
    pk = token.partition("-")[0]
    if len(token) > _LONGEST_TOKEN or not (pk.isascii() and pk.isdigit()) or len(pk) > 18:
        return None
    user = User.objects.filter(pk=int(pk)).first()
    return user if user is not None and _is_good(user, token) else None


def _is_good(user: User, token: str) -> bool:
    return user.is_active and user.has_usable_password() and _tokens.check_token(user, token.partition("-")[2])


def _bad_token() -> InvalidInput:
    return InvalidInput.field("token", "This link is not good any more. Ask for another one.", code="bad_token")
