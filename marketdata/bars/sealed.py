"""The sealed bars of one symbol as a series, and live bars laid over them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from marketdata.models import Instrument
from tradingsite.core.timeframes import Timeframe

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from marketdata.archive.catalog import FoundPlace
    from marketdata.bars.series import Series

_COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")


def find_sealed(
    timeframe: Timeframe, instrument: Instrument, start: datetime | None, end: datetime | None
) -> list[FoundPlace]:
    """Where the symbol's sealed bars from `start` to before `end` lie, in the order of time; empty without any."""
    from marketdata.archive.catalog import find_groups
    from marketdata.archive.layout import BARS, Dataset

    return find_groups(Dataset(BARS, timeframe.value), [instrument.pk], start=start, end=end)


def read_sealed(
    timeframe: Timeframe,
    found: Sequence[FoundPlace],
    start: datetime | None,
    end: datetime | None,
    *,
    limit: int | None = None,
    latest: bool = False,
) -> Series:
    """The bars in these places that start in the range; of more than `limit` the first, or the `latest`.

    No more row groups are read than the limit asks for. Raises ArchiveDamaged.
    """
    from marketdata.bars.series import joined

    parts = [_read(timeframe, [], start, end)]
    count = 0
    rest = list(reversed(found)) if latest else list(found)
    while rest and (limit is None or count < limit):
        taken: list[FoundPlace] = []
        promised = count
        while rest and (limit is None or promised < limit or not taken):
            promised += rest[0].place.rows
            taken.append(rest.pop(0))
        part = _read(timeframe, taken[::-1] if latest else taken, start, end)
        parts.append(part)
        count += len(part)
    whole = joined(parts[:0:-1] + parts[:1] if latest else parts)
    return whole if limit is None else whole.take(slice(max(0, len(whole) - limit), None) if latest else slice(limit))


def sealed_days(
    timeframe: Timeframe, found: Sequence[FoundPlace], start: datetime, end: datetime
) -> npt.NDArray[np.datetime64]:
    """The dates (UTC) on which one of these bars starts, from `start` to before `end`: in order, each once."""
    import numpy as np

    from marketdata.archive.layout import BARS, Dataset
    from marketdata.archive.reading import between, read_places

    whole = [place for place in found if place.first >= start and place.last < end]
    days = [np.datetime64(place.first.date(), "D") for place in whole if place.first.date() == place.last.date()]
    others = [place.place for place in found if place not in whole or place.first.date() != place.last.date()]
    table = between(
        read_places(Dataset(BARS, timeframe.value), others, columns=["timestamp"]), _number(start), _number(end)
    )
    times = np.asarray(table["timestamp"].cast("int64")).astype("datetime64[us]").astype("datetime64[D]")
    return np.unique(np.concatenate([np.array(days, dtype="datetime64[D]"), times]))


def laid_over(sealed: Series, live: Series) -> Series:
    """All bars of both in the order of time; where both have one, the live one."""
    import numpy as np

    from marketdata.bars.series import joined

    if not len(sealed):
        return live
    if not len(live):
        return sealed
    both = joined([sealed, live])
    # Stable: of two bars of a time the live one stays behind the sealed one.
    both = both.take(np.argsort(both.start, kind="stable"))  # type: ignore[arg-type]  # numbers of rows will do
    return both.take(np.concatenate([both.start[1:] != both.start[:-1], [True]]))


def _read(timeframe: Timeframe, found: Sequence[FoundPlace], start: datetime | None, end: datetime | None) -> Series:
    from marketdata.archive.layout import BARS, Dataset
    from marketdata.archive.reading import between, read_places
    from marketdata.archive.rows import unscaled
    from marketdata.bars.series import PRICES, Series

    table = read_places(Dataset(BARS, timeframe.value), [place.place for place in found], columns=_COLUMNS)
    table = between(table, _number(start), _number(end))
    volume = unscaled(table["volume"])
    prices: dict[str, Any] = {name: unscaled(table[name]).values for name in PRICES}
    return Series(
        start=unscaled(table["timestamp"]).values.astype("datetime64[us]"),
        volume=volume.values,
        no_volume=volume.missing,
        **prices,
    )


def _number(moment: datetime | None) -> int | None:
    from marketdata.archive.layout import microseconds

    return None if moment is None else microseconds(moment)
