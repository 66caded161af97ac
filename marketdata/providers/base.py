"""Where rows come from: one protocol for folders of files and for services on the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from tradingsite.core.errors import DeskError

if TYPE_CHECKING:
    from marketdata.ingest.source import BarSource


class ProviderUnavailable(DeskError):
    """The provider can't be asked: its package, a key or the network is missing; the sentence says which."""

    status = 503
    code = "provider_unavailable"
    title = "The provider is not available"


class Provider(Protocol):
    """Something that has bars or ticks, in one or more sources.

    Raises InvalidInput for what it does not have, ProviderUnavailable when it can't be asked.
    """

    def sources(self) -> Iterator[BarSource]: ...
