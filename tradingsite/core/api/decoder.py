"""JSON as it must be: what one engine would store and another refuse never gets in."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from tradingsite.core.errors import TooLarge
from tradingsite.core.text import is_storable

MAX_DEPTH = 20
MAX_NUMBER_LENGTH = 64

# A string (possessive, so that an unclosed one is walked once) or a bracket.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class StrictJSONParser(BaseParser):
    """Refuses with 400: depth over 20, duplicate keys, NaN and infinities, NUL characters, lone
    surrogates, numbers of more than 64 characters, text that is not UTF-8; with 413 a body over
    `DATA_UPLOAD_MAX_MEMORY_SIZE`. Numbers with a point or an exponent arrive as exact Decimals.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return decode(self._body(stream), charset=self._charset(parser_context))

    def _body(self, stream: IO[Any]) -> bytes:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        try:
            body = stream.read(limit + 1)
        except RequestDataTooBig:
            body = None
        if body is None or len(body) > limit:
            raise TooLarge(f"The body is larger than {limit} bytes.")
        return bytes(body)

    def _charset(self, context: Mapping[str, Any] | None) -> str:
        request = (context or {}).get("request")
        parameters = str(getattr(request, "content_type", "") or "")
        _, _, charset = parameters.lower().partition("charset=")
        return charset.split(";")[0].strip().strip("\"'") or "utf-8"


def decode(body: bytes, *, charset: str = "utf-8") -> Any:
    """The value in a JSON body. Raises ParseError with a sentence."""
    try:
        if codecs.lookup(charset).name != "utf-8":
            raise ParseError("Send JSON as UTF-8.")
    except (LookupError, ValueError):
        raise ParseError("Send JSON as UTF-8.") from None
    _check_depth(body)
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_decimal,
        )
    except UnicodeDecodeError:
        raise ParseError("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise ParseError(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    _check_texts(value)
    return value


def _check_depth(body: bytes) -> None:
    """Count brackets outside strings before decoding, because the decoder itself recurses."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _TOKEN.finditer(body):
        token = match.group()
        if token in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise ParseError(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
        elif token in (b"]", b"}"):
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ParseError(f"The key {key[:40]!r} stands twice in one object.")
            seen.add(key)
    return result


def _refuse_constant(text: str) -> Any:
    raise ParseError(f"{text} is not a JSON number.")


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_LENGTH:
        raise ParseError("A number is too long.")
    return int(text)


def _decimal(text: str) -> Decimal:
    if len(text) > MAX_NUMBER_LENGTH:
        raise ParseError("A number is too long.")
    value = Decimal(text)
    if not value.is_zero() and abs(value.adjusted()) > 400:
        raise ParseError("A number is too large or too small.")
    return value


def _check_texts(value: Any) -> None:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict):
            stack.extend(item.keys())
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _check_text(text: str) -> None:
    if not is_storable(text):
        raise ParseError("A NUL character or a lone surrogate is not allowed.")
