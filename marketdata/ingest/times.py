"""Times as slots: days for daily bars, microseconds and then minutes for intraday ones; pure.

An unreadable time becomes a fault of its row. Nothing is guessed: an order of day and month that
can be read two ways is refused, and so is a time without a zone that nobody named.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from marketdata.ingest.faults import Faults, Integers, Mask, rows_of, shown
from marketdata.ingest.numbers import missing_of, truth, without_blanks

MICROSECONDS_A_MINUTE = 60_000_000
MICROSECONDS_A_DAY = 86_400_000_000

_ZONE = r"(Z|[+-]\d\d(:?\d\d)?)"
_ISO = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?"
_MIDNIGHT = rf"^\d{{4}}-\d\d-\d\d[T ]00:00(:00(\.0+)?)?{_ZONE}?$"
_DAY = r"^\d{4}-\d\d-\d\d$"
# What is brought into ISO form first; each is tried on what is not ISO yet.
_REWRITES = (
    (r"^(\d{4})/(\d\d)/(\d\d)", r"\1-\2-\3"),
    (r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3"),
    (r"^(\d{4})(\d\d)(\d\d)[T ]?(\d\d):?(\d\d)", r"\1-\2-\3 \4:\5"),
    (r"^(\S+[T ]\d\d:\d\d)(\d\d)", r"\1:\2"),
    (r"z$", "Z"),
    (r" ([+-]\d\d:?\d\d|Z|UTC)$", r"\1"),
    (r"UTC$", "Z"),
    (r"(\.\d{6})0+", r"\1"),
)


#: Rows (indexes) to the zone of each: an index into a list of zones, None where nobody named one.
ZoneOf = Callable[[npt.NDArray[np.intp]], tuple[Integers, list[ZoneInfo | None]]]


def parse_timestamps(raw: pa.Array, faults: Faults, *, zone: ZoneInfo | None) -> Integers:
    """Moments as microseconds since 1970 in UTC; int64[n].

    `zone` is meant where a time has no offset; without it such rows are faults (time_zone_missing),
    and so are local times that the zone has twice or not at all.
    """
    if pa.types.is_timestamp(raw.type):
        return _from_arrow(raw, faults, zone=zone)
    if not is_text(raw):
        faults.add(_all(raw), "bad_time", f"The time is of type {raw.type}; timestamps or text are needed.")
        return np.zeros(len(raw), dtype=np.int64)
    try:
        moments = pc.cast(raw, pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid:
        pass
    else:
        # A null (of JSON, of Parquet) is cast as well, and would be the first moment of 1970.
        empty = missing_of(moments)
        _refuse_unreadable(raw, empty, empty, faults)
        return _micros(moments)
    text = to_iso(raw)
    zoned = truth(pc.match_substring_regex(text, f"{_ISO}{_ZONE}$"))
    naive = truth(pc.match_substring_regex(text, f"{_ISO}$"))
    _refuse_unreadable(raw, ~(zoned | naive), missing_of(text), faults)
    values = _lenient(_only(text, zoned), pa.timestamp("us", "UTC"), raw, faults)
    if naive.any():
        local = _lenient(_only(text, naive), pa.timestamp("us"), raw, faults)
        values = np.where(naive, _to_utc(raw, local, naive, faults, zone=zone), values)
    return values


def parse_dates(raw: pa.Array, faults: Faults, *, zone_of: ZoneOf) -> Integers:
    """Sessions' dates as days since 1970; int64[n].

    A date, a time that is midnight as written, or a moment that is midnight in the exchange's
    zone. `zone_of(rows)` says each row's zone: an index into a list of zones.
    """
    if pa.types.is_date(raw.type):
        return _days(raw.cast(pa.date32()), raw, faults)
    if pa.types.is_timestamp(raw.type):
        return _dates_of_arrow(raw, faults, zone_of)
    if not is_text(raw):
        faults.add(_all(raw), "bad_time", f"The date is of type {raw.type}; dates or text are needed.")
        return np.zeros(len(raw), dtype=np.int64)
    try:
        return _days(pc.cast(raw, pa.date32()), raw, faults)
    except pa.ArrowInvalid:
        pass
    text = to_iso(raw)
    as_written = truth(pc.match_substring_regex(text, _DAY)) | truth(pc.match_substring_regex(text, _MIDNIGHT))
    zoned = truth(pc.match_substring_regex(text, f"{_ISO}{_ZONE}$")) & ~as_written
    late = truth(pc.match_substring_regex(text, f"{_ISO}$")) & ~as_written
    _refuse_unreadable(raw, ~(as_written | zoned | late), missing_of(text), faults)
    _refuse_not_midnight(raw, late, faults)
    days = _lenient(pc.utf8_slice_codeunits(_only(text, as_written), 0, 10), pa.date32(), raw, faults)
    if zoned.any():
        moments = _lenient(_only(text, zoned), pa.timestamp("us", "UTC"), raw, faults)
        days = np.where(zoned, _dates_in_zone(raw, moments, zoned, faults, zone_of), days)
    return days


def join_date_and_time(date: pa.Array, time: pa.Array) -> pa.Array:
    """Two text columns as one."""
    return pc.binary_join_element_wise(
        pc.ascii_trim_whitespace(pc.cast(date, pa.string())),
        pc.ascii_trim_whitespace(pc.cast(time, pa.string())),
        " ",
    )


def is_text(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def to_iso(raw: pa.Array) -> pa.Array:
    """The texts, trimmed, with the usual other spellings of a time rewritten as ISO 8601; empty is null."""
    text = without_blanks(pc.ascii_trim_whitespace(pc.cast(raw, pa.string())))
    for pattern, replacement in _REWRITES:
        text = pc.replace_substring_regex(text, pattern, replacement)
    return text


def utc_offsets(moments: Integers, zone: ZoneInfo, *, fold: int | None = None) -> Integers:
    """The zone's offset in microseconds at each moment (of UTC, or of local time with a `fold`).

    Asked once a quarter of an hour, on which every change of a zone's offset falls.
    """
    quarter = 15 * MICROSECONDS_A_MINUTE
    steps, where = np.unique(moments // quarter, return_inverse=True)
    offsets = np.empty(len(steps), dtype=np.int64)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for index, step in enumerate(steps.tolist()):
        moment = epoch + timedelta(microseconds=step * quarter)
        moment = moment.astimezone(zone) if fold is None else moment.replace(tzinfo=zone, fold=fold)
        offsets[index] = (moment.utcoffset() or timedelta()) // timedelta(microseconds=1)
    return offsets[where.reshape(-1)]


def _from_arrow(raw: pa.Array, faults: Faults, *, zone: ZoneInfo | None) -> Integers:
    empty = missing_of(raw)
    _refuse_unreadable(raw, empty, empty, faults)
    values = _micros(raw)
    if raw.type.tz is not None:
        return values
    return _to_utc(raw, values, ~empty, faults, zone=zone)


def _to_utc(raw: pa.Array, local: Integers, rows: Mask, faults: Faults, *, zone: ZoneInfo | None) -> Integers:
    """Local times of the zone as UTC; what the zone has twice or never is a fault."""
    rows = rows & ~faults.bad
    if zone is None:
        faults.add(
            rows,
            "time_zone_missing",
            lambda row: f"The time {shown(raw, row)} has no time zone; name the one it is meant in (--timezone).",
        )
        return local
    earlier, later = (utc_offsets(np.where(rows, local, 0), zone, fold=fold) for fold in (0, 1))
    # At a gap the first answer is the offset before it, at a repetition the larger one.
    faults.add(
        rows & (earlier > later),
        "ambiguous_time",
        lambda row: f"The time {shown(raw, row)} comes twice in {zone.key}; write it with its offset.",
    )
    faults.add(
        rows & (earlier < later),
        "nonexistent_time",
        lambda row: f"The time {shown(raw, row)} does not exist in {zone.key}: the clocks skip it.",
    )
    return local - earlier


def _dates_of_arrow(
    raw: pa.Array,
    faults: Faults,
    zone_of: ZoneOf,
) -> Integers:
    empty = missing_of(raw)
    _refuse_unreadable(raw, empty, empty, faults)
    values = _micros(raw)
    if raw.type.tz is not None and raw.type.tz != "UTC":
        values = _micros(pc.local_timestamp(raw))
    midnight = values % MICROSECONDS_A_DAY == 0
    days = values // MICROSECONDS_A_DAY
    rest = ~midnight & ~empty
    if raw.type.tz != "UTC":
        _refuse_not_midnight(raw, rest, faults)
        return days
    return np.where(rest, _dates_in_zone(raw, values, rest, faults, zone_of), days)


def _dates_in_zone(
    raw: pa.Array,
    moments: Integers,
    rows: Mask,
    faults: Faults,
    zone_of: ZoneOf,
) -> Integers:
    days = np.zeros(len(raw), dtype=np.int64)
    rows = rows & ~faults.bad
    indexes = np.flatnonzero(rows)
    which, zones = zone_of(indexes)
    for number, zone in enumerate(zones):
        mine = indexes[which == number]
        if zone is None:
            faults.add(
                rows_of(len(raw), mine),
                "not_midnight",
                lambda row: (
                    f"The time {shown(raw, row)} of a daily bar is not midnight; "
                    "name the exchange's time zone (--timezone)."
                ),
            )
            continue
        local = moments[mine] + utc_offsets(moments[mine], zone)
        days[mine] = local // MICROSECONDS_A_DAY
        _refuse_not_midnight(raw, rows_of(len(raw), mine[local % MICROSECONDS_A_DAY != 0]), faults, zone=zone)
    return days


def _refuse_not_midnight(raw: pa.Array, rows: Mask, faults: Faults, *, zone: ZoneInfo | None = None) -> None:
    where = "" if zone is None else f" in {zone.key}"
    faults.add(
        rows,
        "not_midnight",
        lambda row: f"The time {shown(raw, row)} of a daily bar is not midnight{where}, so its date is not certain.",
    )


def _refuse_unreadable(raw: pa.Array, rows: Mask, empty: Mask, faults: Faults) -> None:
    faults.add(rows & empty, "missing_time", "The time is missing.")
    faults.add(
        rows,
        "bad_time",
        lambda row: f"{shown(raw, row)} is not a time that is read here; write 2013-10-04 or 2013-10-04T15:59:00Z.",
    )


def _days(dates: pa.Array, raw: pa.Array, faults: Faults) -> Integers:
    empty = missing_of(dates)
    _refuse_unreadable(raw, empty, empty, faults)
    days: Integers = dates.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return days


def _micros(moments: pa.Array) -> Integers:
    unit = moments.type.unit
    if unit == "ns":
        # Bars stand on minutes; what is finer than a microsecond is dropped.
        moments = pc.cast(moments, pa.timestamp("us", moments.type.tz), safe=False)
    elif unit != "us":
        moments = pc.cast(moments, pa.timestamp("us", moments.type.tz))
    values: Integers = pc.cast(moments, pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return values


def _only(text: pa.Array, rows: Mask) -> pa.Array:
    return pc.if_else(pa.array(rows), text, pa.scalar(None, text.type))


def _all(raw: pa.Array) -> Mask:
    return np.ones(len(raw), dtype=np.bool_)


def _lenient(text: pa.Array, kind: pa.DataType, raw: pa.Array, faults: Faults) -> Integers:
    """Cast, halving what fails until the bad values (a 30th of February) stand alone; 0 where null or bad."""
    values = np.zeros(len(text), dtype=np.int64)
    bad: list[int] = []
    parts = [(0, len(text))]
    while parts:
        start, end = parts.pop()
        try:
            cast = pc.cast(text[start:end], kind)
        except pa.ArrowInvalid:
            if end - start == 1:
                bad.append(start)
            else:
                middle = (start + end) // 2
                parts += [(start, middle), (middle, end)]
            continue
        number = pa.int32() if pa.types.is_date32(kind) else pa.int64()
        values[start:end] = cast.cast(number).fill_null(0).to_numpy(zero_copy_only=False)
    faults.add(
        rows_of(len(text), np.array(bad, dtype=np.int64)),
        "bad_time",
        lambda row: f"{shown(raw, row)} is not a time: the calendar or the clock does not have it.",
    )
    return values
