"""Reading what the site wrote to people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import TestCase

from accounts.services import mails

SMTP = "django.core.mail.backends.locmem.EmailBackend"


class Mailbox:
    """The mails that were sent while `open` was around, and the token in the last one."""

    @contextmanager
    def open(self) -> Iterator[None]:
        with TestCase.captureOnCommitCallbacks(execute=True):
            yield

    @property
    def subjects(self) -> list[str]:
        return [str(message.subject) for message in mail.outbox]

    @property
    def token(self) -> str:
        found = re.search(r"token=(\S+)", self.body)
        assert found is not None, self.body
        return found[1]

    @property
    def body(self) -> str:
        return str(mail.outbox[-1].body)


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    """Mails go out in the test's own thread, whose transaction a thread of its own would not see."""

    def now(function: Callable[..., None], *args: object) -> None:
        mails._places.release()
        mails.deliver(*args)  # type: ignore[arg-type]  # what _hand_over gives

    cache.clear()
    monkeypatch.setattr(mails._sender, "submit", now)
    return Mailbox()
