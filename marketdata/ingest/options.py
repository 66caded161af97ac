"""How a caller wants bars to be read and loaded; pure."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import TextChoices

from marketdata.models.batch import PriceBasis
from tradingsite.core.errors import InvalidInput


class OnError(TextChoices):
    """What a bad row means for the good ones."""

    REJECT = "reject", "Leave out the bad rows, load the others"
    ABORT = "abort", "Load nothing when any row is bad"


class BarLabel(TextChoices):
    """Which end of its interval the time of an intraday bar names."""

    START = "start", "Start of the interval"
    END = "end", "End of the interval"


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How to read and load a source; the defaults suit exact decimals with times that carry an offset.

    symbol: of all rows, where the source has no column for it.
    time_zone: IANA name that times without an offset are meant in.
    create_symbols: make an instrument of every unknown symbol instead of rejecting its rows.
    price_basis: how the prices are adjusted; None is raw, and an error (`PricesNotNamed`) for
        sources that are known to be adjusted often.
    bar_label: END shifts intraday bars back by their length, because a bar's time is its start.
    round_floats: round numbers of more than 8 decimals or 15 digits instead of rejecting them.
    simulated: mark the instruments that are created as simulated.
    """

    symbol: str | None = None
    time_zone: str | None = None
    create_symbols: bool = False
    on_error: OnError = OnError.REJECT
    price_basis: PriceBasis | None = None
    bar_label: BarLabel = BarLabel.START
    round_floats: bool = False
    simulated: bool = False

    def zone(self) -> ZoneInfo | None:
        """The named time zone; raises InvalidInput when nobody knows it."""
        return None if self.time_zone is None else find_zone(self.time_zone)


def find_zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name; raises InvalidInput (`time_zone`, invalid_time_zone)."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidInput.field(
            "time_zone",
            f"{name[:64]!r} is not a time zone; write an IANA name such as America/New_York or UTC.",
            code="invalid_time_zone",
        ) from None
