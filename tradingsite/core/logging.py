"""Log lines: each names the request and who made it, stays one line, and tells no secret."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

import orjson

FORMATS = ("line", "json")

# C0, DEL, C1 and Unicode's own line ends: what makes another line, or paints on a terminal; and lone
# surrogates, from bytes that are no text, which no stream takes.
_CONTROLS = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0xD800, 0xE000))
} | {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}

_JSON_CONTROLS = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029)}

# API keys (their public id may be seen), JSON web tokens, and what is named like a secret.
_KEY = re.compile(r"(tsk_[a-z2-7]{16})_[A-Za-z0-9_-]+")
_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_HEADER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_SECRET_NAME = re.compile(r"(?i)pass|secret|token|key|auth|code|sign|csrf|session|otp|credential")
_HIDDEN = "[hidden]"
# The place in a list, which looks like a secret by its name, and is wanted in a log.
_NO_SECRETS = frozenset({"page_token"})

_EXTRAS = ("method", "path", "status", "ms", "address")


@dataclass(slots=True)
class RequestNotes:
    """What is known about the request at work; `actor` as soon as somebody is authenticated."""

    request_id: str = ""
    actor: str = ""


_NOBODY = RequestNotes()
_notes: ContextVar[RequestNotes] = ContextVar("request_notes", default=_NOBODY)


@contextmanager
def noting(notes: RequestNotes) -> Iterator[RequestNotes]:
    """Everything that is logged inside carries these notes."""
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def note_actor(label: str) -> None:
    """From here on the request at work, if there is one, is this actor's."""
    notes = _notes.get()
    if notes is not _NOBODY:
        notes.actor = label


class ContextFilter(logging.Filter):
    """Gives each record its `request_id` and `actor`; "-" where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        notes = _notes.get()
        record.request_id = notes.request_id or "-"
        record.actor = one_line(notes.actor) or "-"
        return True


class LineFormatter(logging.Formatter):
    """`time LEVEL logger [request actor]: message`; a traceback follows indented, so that no line of it
    can be taken for another event.
    """

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} [{request_id} {actor}]: {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        record.message = one_line(redacted(record.message))
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802  # likewise
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802  # likewise
        return _indented(stack_info)


class JsonFormatter(logging.Formatter):
    """One JSON object an event: time, level, logger, message, request_id, actor, and `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage()),
            "request_id": getattr(record, "request_id", "-"),
            "actor": getattr(record, "actor", "-"),
        }
        event |= {name: getattr(record, name) for name in _EXTRAS if hasattr(record, name)}
        if record.exc_info:
            event["exception"] = redacted(self.formatException(record.exc_info))
        # Lone surrogates are no JSON. What JSON leaves as it is, some readers take for a line end.
        return orjson.dumps(_encodable(event), default=str).decode().translate(_JSON_CONTROLS)


def one_line(text: str) -> str:
    """The text with every control character and line end written out, as in `\\n`."""
    return text.translate(_CONTROLS)


def redacted(text: str) -> str:
    """The text without API keys, web tokens and Authorization headers."""
    text = _KEY.sub(rf"\1_{_HIDDEN}", text)
    text = _TOKEN.sub(_HIDDEN, text)
    return _HEADER.sub(rf"\1 {_HIDDEN}", text)


def visible_path(path: str, query: str, *, longest: int = 500) -> str:
    """A path with its query for the log: values named like secrets hidden, cut at `longest` characters."""
    parts = [_visible_parameter(part) for part in query[: 4 * longest].split("&") if part]
    text = redacted(f"{path}?{'&'.join(parts)}" if parts else path)
    return text if len(text) <= longest else f"{text[:longest]}…"


def _visible_parameter(part: str) -> str:
    name, equals, _ = part.partition("=")
    plain = unquote_plus(name)
    return f"{name}={_HIDDEN}" if equals and _SECRET_NAME.search(plain) and plain not in _NO_SECRETS else part


def _indented(text: str) -> str:
    return "\n".join(f"    | {one_line(line)}" for line in redacted(text).splitlines())


def _encodable(event: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for name, value in event.items()
    }
