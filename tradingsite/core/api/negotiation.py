"""Which format an answer has: `?format=`, else `Accept`."""

from __future__ import annotations

from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer

from tradingsite.core.errors import InvalidInput


class StrictNegotiation(DefaultContentNegotiation):
    """REST framework's negotiation, but an unknown `format` is an error that names the known ones, not a 404."""

    def filter_renderers(self, renderers: Any, format: str) -> list[BaseRenderer]:  # noqa: A002  # REST framework's name
        known = [renderer for renderer in renderers if renderer.format == format]
        if not known:
            names = ", ".join(renderer.format for renderer in renderers)
            raise InvalidInput.field(
                "format", f"There is no format {format[:40]!r} here; known are {names}.", code="invalid_format"
            )
        return known
