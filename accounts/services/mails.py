"""Sending mail: after the commit, and without letting anybody wait for the mail server.

An answer that waited for the server would tell by its time whether a mail was sent. So mails go out
on a thread of their own; at a normal end of the process what waits is sent first. A process that is
killed loses what waited: people ask again.
"""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore

from django.conf import settings
from django.core.cache import cache
from django.core.mail import send_mail
from django.db import connections, transaction

from accounts.mail_texts import MailText
from systemevents.models import Severity
from systemevents.services.events import record_event
from tradingsite.core.actor import Actor, Front

#: How many mails one address gets within an hour, whoever asks for them.
MOST_TO_ONE = 5
_HOUR = 3600
#: How many may wait in this process; more are thrown away, and said so.
_MOST_WAITING = 1000
_NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"

_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")
_places = BoundedSemaphore(_MOST_WAITING)

logger = logging.getLogger(__name__)


def mail_is_set_up() -> bool:
    """Whether EMAIL_URL names a way to send mail."""
    return bool(settings.EMAIL_BACKEND != _NO_MAIL)


def send_after_commit(*, to: str, text: MailText) -> None:
    """Send a mail once the transaction is committed, or now outside of one. Never raises because of the server."""
    transaction.on_commit(lambda: _hand_over(to, text))


def _hand_over(to: str, text: MailText) -> None:
    if not _places.acquire(blocking=False):
        logger.error("Too many mails wait for the mail server; one was thrown away.")
        return
    _sender.submit(_deliver_and_leave, to, text)


def _deliver_and_leave(to: str, text: MailText) -> None:
    try:
        deliver(to, text)
    except Exception:  # the database is gone too; the thread must go on
        logger.exception("A mail that failed could not be recorded.")
    finally:
        _places.release()
        # This thread's own: to nobody else they are of use.
        connections.close_all()


def deliver(to: str, text: MailText) -> None:
    """Send a mail now, unless the address got enough of them this hour; a failure leaves a system event."""
    if _is_one_too_many(to):
        logger.warning("A mail was not sent: its address got %d within the hour.", MOST_TO_ONE)
        return
    try:
        send_mail(text.subject, text.body, None, [to])
    except Exception as error:  # noqa: BLE001  # whatever the mail server, or the way to it, comes up with
        logger.error("A mail could not be sent: %s", type(error).__name__)
        record_event(
            actor=Actor.system("mail", front=Front.JOB),
            event_type="mail.failed",
            source="accounts",
            severity=Severity.ERROR,
            description=f"The mail “{text.subject}” could not be sent ({type(error).__name__}). Check EMAIL_URL.",
            details={"to": to, "subject": text.subject, "error": type(error).__name__},
        )


def _is_one_too_many(to: str) -> bool:
    # Hashed: a cache of other people's making is no place for addresses.
    name = f"mail:{hashlib.sha256(to.encode()).hexdigest()}"
    try:
        cache.add(name, 0, _HOUR)
        return int(cache.incr(name)) > MOST_TO_ONE
    except Exception as error:  # noqa: BLE001  # whatever the cache's driver raises
        logger.error("The cache does not answer, so mails are not counted: %s", type(error).__name__)
        return False
