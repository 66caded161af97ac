"""Django's WSGI handler, with requests that survive any Content-Type."""

from __future__ import annotations

from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


class DeskRequest(WSGIRequest):
    """A request whose text is UTF-8, whatever its Content-Type says; middleware refuses the others.

    Django takes over any charset that Python knows a codec of. Some, as rot13, are none of text, and its
    constructor then fails before any middleware could answer: a 500 without a trace of ours.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            # Longer than any that means something: of no type that a parser knows.
            self.content_type, self.content_params = "", {}


class DeskHandler(WSGIHandler):
    """What gunicorn calls."""

    request_class = DeskRequest
