"""One's own e-mail, changed by who knows the password and reads the new one.

The link in the mail carries the new e-mail, signed together with what the user was when it was
asked for; so it needs no table, and ends with the password, with any change of the e-mail, and
with the log-ins of the user when all of them are ended.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts import mail_texts
from accounts.models import LoginEnd, User
from accounts.services.callers import Caller
from accounts.services.mails import mail_is_set_up, send_after_commit
from accounts.services.passwords import check_own_password, lock_with_password
from accounts.services.sessions import end_logins
from accounts.services.users import clean_email, save_user
from systemevents.services.audit import record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput
from tradingsite.core.locking import lock_all
from tradingsite.core.transactions import in_transaction

GOOD_FOR = timedelta(hours=24)
#: With the longest e-mail there is; nothing longer is looked into.
LONGEST_TOKEN = 600
_SALT = "accounts.services.emails"


def request_email_change(*, actor: Actor, email: str, current_password: str) -> None:
    """Send a link to the new e-mail, and a notice to the old one; nobody is told whether the new one is known.

    Raises Forbidden for a key and where no mail is set up, WrongPassword (counted as a failed log-in),
    TooManyAttempts while locked out for that, InvalidInput for what is no e-mail. Not inside of a
    transaction, which would undo the count.
    """
    user, caller = check_own_password(actor, current_password)
    if not mail_is_set_up():
        raise Forbidden("This site sends no mail. Ask an administrator for another e-mail.")
    _request(actor, caller, user, clean_email(email))


@in_transaction
def _request(actor: Actor, caller: Caller, user: User, email: str) -> None:
    user = lock_with_password(caller, user)
    record_audit(actor, "user.email_change_requested", user, after={"email": email})
    site = settings.PUBLIC_URL
    if User.objects.filter(email=email).exists():
        send_after_commit(to=email, text=mail_texts.email_taken(site=site))
    else:
        link = f"{site}/admin/email/confirm/?token={_make_token(user, email)}"
        hours = int(GOOD_FOR.total_seconds()) // 3600
        send_after_commit(
            to=email, text=mail_texts.confirm_email(site=site, username=user.username, link=link, hours=hours)
        )
    if user.email:
        text = mail_texts.email_change_requested(site=site, username=user.username, email=email)
        send_after_commit(to=user.email, text=text)


def confirm_email_change(*, caller: Caller, token: str) -> User:
    """Give the user of the link the e-mail that it was sent to, once; all their log-ins end.

    Raises InvalidInput for a token that is wrong, used or too old, or when somebody took the e-mail meanwhile.
    """
    return _confirm(caller, *_read_token(token))


@in_transaction
def _confirm(caller: Caller, pk: int, email: str, state: str) -> User:
    rows = lock_all(User, [pk])
    # Asked behind the lock: of two with the same token, one gets through.
    if not rows or not rows[0].is_active or not constant_time_compare(state, _state_of(rows[0])):
        raise _bad_token()
    user = rows[0]
    before, user.email = user.email, email
    try:
        save_user(user)
    except (InvalidInput, Conflict):
        # Who may confirm reads this e-mail's mail, but need not learn whose it is.
        raise _bad_token() from None
    actor = Actor.of(user, front=caller.front, request_id=caller.request_id, address=caller.address)
    record_audit(actor, "user.email_changed", user, before={"email": before}, after={"email": email})
    end_logins(actor=actor, user=user, reason=LoginEnd.EMAIL)
    if before and mail_is_set_up():
        text = mail_texts.email_changed(site=settings.PUBLIC_URL, username=user.username, email=email)
        send_after_commit(to=before, text=text)
    return user


def _make_token(user: User, email: str) -> str:
    return signing.dumps({"user": user.pk, "email": email, "state": _state_of(user)}, salt=_SALT)


def _read_token(token: str) -> tuple[int, str, str]:
    try:
        said: Any = signing.loads(token[: LONGEST_TOKEN + 1], salt=_SALT, max_age=GOOD_FOR)
    except (signing.BadSignature, ValueError):
        raise _bad_token() from None
    return said["user"], said["email"], said["state"]


def _state_of(user: User) -> str:
    """What the user is now, as a digest: another password, e-mail or epoch makes another one."""
    return salted_hmac(_SALT, f"{user.pk}:{user.session_epoch}:{user.email}:{user.password}").hexdigest()


def _bad_token() -> InvalidInput:
    return InvalidInput.field("token", "This link is not good any more. Ask for another one.", code="bad_token")
