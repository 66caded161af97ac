"""Which splits and dividends the bars of an answer are adjusted for: those that hold, or held as of a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, Q, Subquery

from marketdata.bars.query import BarQuery, Unadjusted
from marketdata.bars.reading import Window
from marketdata.models import (
    ActionKind,
    BatchKind,
    CorporateAction,
    DailyBar,
    IngestBatch,
    Instrument,
    IntradayBar,
    PriceBasis,
)
from tradingsite.core.decimals import PRICE_PLACES

if TYPE_CHECKING:
    import numpy as np

    from marketdata.bars.adjustment import Already, Dividend, Split
    from marketdata.bars.pages import Maker
    from marketdata.bars.series import Series

_ONE_DAY = timedelta(days=1)
# A daily close that is older than this is looked for among the intraday bars too.
_FRESH = timedelta(days=10)
# SQLite refuses long parameter lists.
_AT_ONCE = 400
_SCALE = 10**PRICE_PLACES
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Adjuster:
    """What one symbol's stored bars are adjusted for, and the dividends that they can not be adjusted for."""

    splits: Sequence[Split]
    dividends: Sequence[Dividend]
    unadjusted: Sequence[Unadjusted]
    already: Callable[[Series], Sequence[Already]]

    def __call__(self, series: Series) -> Series:
        from marketdata.bars.adjustment import adjust

        if not len(series) or not (self.splits or self.dividends):
            return series
        return adjust(series, self.splits, self.dividends, self.already(series))


def find_adjusters(
    query: BarQuery, instruments: Mapping[str, Instrument], makers: Mapping[str, Maker], *, at: datetime
) -> dict[str, Adjuster]:
    """For each symbol what its bars of the asked range are adjusted for: what has come into effect until `at`."""
    actions = _actions(query, instruments.values(), at=at)
    batches = _adjusted_batches()
    return {
        symbol: _adjuster(query, makers[symbol], actions.get(instrument.pk, []), batches, at=at)
        for symbol, instrument in instruments.items()
    }


def _actions(query: BarQuery, instruments: Iterable[Instrument], *, at: datetime) -> dict[int, list[Any]]:
    """The actions that matter to the asked range, by instrument, each with the daily close before it."""
    close = DailyBar.objects.filter(instrument_id=OuterRef("instrument_id"), date__lt=OuterRef("ex_date"))
    close = close.order_by("-date")
    chosen = Q(ex_date__lte=at.date() + _ONE_DAY)
    if query.start is not None and query.start.date() > date(1, 1, 2):
        chosen &= Q(ex_date__gte=query.start.date() - _ONE_DAY)
    if query.asof is None:
        chosen &= Q(retracted_at__isnull=True)
    keys = sorted(instrument.pk for instrument in instruments)
    found: dict[int, list[Any]] = defaultdict(list)
    for start in range(0, len(keys), _AT_ONCE):
        rows = CorporateAction.objects.filter(chosen, instrument_id__in=keys[start : start + _AT_ONCE])
        for row in rows.annotate(
            close_before=Subquery(close.values("close")[:1]),
            close_date=Subquery(close.values("date")[:1]),
            close_batch=Subquery(close.values("batch_id")[:1]),
        ).order_by("instrument_id", "ex_date", "id"):
            found[row.instrument_id].append(row)
    if query.asof is None:
        return found
    return {instrument: _known(rows, at) for instrument, rows in found.items()}


def _known(rows: Sequence[Any], at: datetime) -> list[Any]:
    """Those known at that moment.

    Of a day, what was on record here then; where nothing was, what is on record now and became known by then.
    """
    by_day: dict[tuple[str, date], list[Any]] = defaultdict(list)
    for row in rows:
        if row.known_at <= at:
            by_day[row.kind, row.ex_date].append(row)
    known: list[Any] = []
    for of_day in by_day.values():
        then = [row for row in of_day if row.recorded_at <= at and (row.retracted_at is None or row.retracted_at > at)]
        known += then or [row for row in of_day if row.retracted_at is None]
    return known


def _adjusted_batches() -> dict[int, IngestBatch]:
    """The loads whose prices were adjusted by their source; usually none."""
    batches = IngestBatch.objects.filter(kind=BatchKind.BARS).exclude(price_basis=PriceBasis.RAW)
    return {batch.pk: batch for batch in batches.only("pk", "price_basis", "started_at")}


def _adjuster(
    query: BarQuery, maker: Maker, actions: Sequence[Any], batches: Mapping[int, IngestBatch], *, at: datetime
) -> Adjuster:
    from marketdata.bars.adjustment import Split

    latest = _moment(at)
    dated = [(_beginning(maker, action.ex_date), action) for action in actions]
    dated = [(moment, action) for moment, action in dated if moment <= latest]
    all_splits = [
        Split(moment, action.new_shares, action.old_shares)
        for moment, action in dated
        if action.kind == ActionKind.SPLIT
    ]
    dividends: list[Dividend] = []
    unadjusted: list[Unadjusted] = []
    if query.adjustment.for_dividends:
        of_dividends = [(moment, action) for moment, action in dated if action.kind == ActionKind.DIVIDEND]
        dividends, unadjusted = _dividends(query, maker, of_dividends, all_splits, batches)

    def already(series: Series) -> Sequence[Already]:
        return _already(maker, series, batches) if batches else ()

    return Adjuster(all_splits if query.adjustment.for_splits else [], dividends, unadjusted, already)


def _beginning(maker: Maker, ex_date: date) -> np.datetime64:
    """The moment from which on the bars are of after the action: of daily ones the ex-date's midnight.

    Of intraday ones the middle of the night before the first session from the ex-date on; without a
    calendar midnight at the exchange.
    """
    import numpy as np

    day = np.datetime64(ex_date, "D")
    if not maker.shelf.timeframe.is_intraday:
        return np.datetime64(ex_date, "us")
    sessions = maker.sessions
    if sessions is not None and len(sessions):
        place = int(np.searchsorted(sessions.dates, day))
        if 0 < place < len(sessions):
            close, opening = sessions.closes[place - 1], sessions.opens[place]
            middle: np.datetime64 = close + (opening - close) // 2
            return middle
    zone = ZoneInfo(maker.instrument.time_zone) if maker.instrument.time_zone else UTC
    return _moment(datetime.combine(ex_date, time.min, tzinfo=zone))


def _dividends(
    query: BarQuery,
    maker: Maker,
    dated: Sequence[tuple[np.datetime64, Any]],
    splits: Sequence[Split],
    batches: Mapping[int, IngestBatch],
) -> tuple[list[Dividend], list[Unadjusted]]:
    from marketdata.bars.adjustment import Dividend, usable

    dividends: list[Dividend] = []
    unadjusted: list[Unadjusted] = []
    for moment, action in dated:
        close = _close_before(maker, moment, action, splits, batches)
        if close is None:
            # Without a bar before it there is nothing to adjust; or it was adjusted by its source.
            continue
        dividend = Dividend(moment, int(action.amount * _SCALE), close)
        reason = None
        if action.currency and maker.instrument.currency and action.currency != maker.instrument.currency:
            reason = "other_currency"
        elif not usable(dividend):
            reason = "not_below_close"
        if reason is None:
            dividends.append(dividend)
        elif query.start is None or moment > _moment(query.start):
            amount = f"{action.amount.normalize():f}"
            unadjusted.append(Unadjusted(maker.instrument.symbol, action.ex_date, amount, reason))
    return dividends, unadjusted


def _close_before(
    maker: Maker, moment: np.datetime64, action: Any, splits: Sequence[Split], batches: Mapping[int, IngestBatch]
) -> int | None:
    """The last close as traded before the dividend, unscaled; None without any, or where its source adjusted it."""
    is_fresh = action.close_date is not None and action.close_date >= action.ex_date - _FRESH
    if not is_fresh and maker.shelf.timeframe.is_intraday:
        last = maker.shelf.series(
            maker.instrument, Window(None, moment.astype(datetime).replace(tzinfo=UTC)), limit=1, latest=True
        )
        if len(last) and (action.close_date is None or last.start[0].astype("datetime64[D]") > action.close_date):
            return int(last.close[0])
    if action.close_before is None:
        return None
    batch = batches.get(action.close_batch)
    close = Decimal(action.close_before)
    if batch is None:
        return int(close * _SCALE)
    if batch.price_basis == PriceBasis.ALL:
        return None
    loaded = _moment(batch.started_at)
    for split in splits:
        # Back to what was paid then: the source had divided by the splits since.
        if moment <= split.at <= loaded:
            close = close * split.new / split.old
    return int(round(close, PRICE_PLACES) * _SCALE)


def _already(maker: Maker, series: Series, batches: Mapping[int, IngestBatch]) -> list[Already]:
    """Which of the bars came adjusted, by load."""
    import numpy as np

    from marketdata.bars.adjustment import Already

    found: dict[int, list[Any]] = defaultdict(list)
    for start, batch in _starts_of(maker, series, batches):
        found[batch].append(start)
    return [
        Already(
            rows=np.isin(series.start, np.array(starts, dtype="datetime64[us]")),
            loaded_at=_moment(batches[batch].started_at),
            with_dividends=batches[batch].price_basis == PriceBasis.ALL,
        )
        for batch, starts in found.items()
    ]


def _starts_of(maker: Maker, series: Series, batches: Mapping[int, IngestBatch]) -> list[tuple[Any, int]]:
    """Start and batch of the bars in the series' range that came adjusted, live or sealed."""
    first, last = (series.start[place].astype(datetime).replace(tzinfo=UTC) for place in (0, -1))
    rows: list[tuple[Any, int]] = []
    keys = sorted(batches)
    for part in (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE)):
        if maker.shelf.timeframe.is_intraday:
            live = IntradayBar.objects.filter(timeframe=maker.shelf.timeframe, timestamp__range=(first, last))
            of_part = live.filter(instrument=maker.instrument, batch_id__in=part).values_list("timestamp", "batch_id")
            rows += [(moment.astimezone(UTC).replace(tzinfo=None), batch) for moment, batch in of_part]
        else:
            daily = DailyBar.objects.filter(instrument=maker.instrument, date__range=(first.date(), last.date()))
            rows += list(daily.filter(batch_id__in=part).values_list("date", "batch_id"))
    if maker.shelf.timeframe.is_intraday:
        rows += _sealed_starts(maker, first, last, batches)
    return rows


def _sealed_starts(
    maker: Maker, first: datetime, last: datetime, batches: Mapping[int, IngestBatch]
) -> list[tuple[Any, int]]:
    from marketdata.archive.layout import BARS, Dataset
    from marketdata.archive.reading import read_places
    from marketdata.bars.sealed import find_sealed

    found = find_sealed(maker.shelf.timeframe, maker.instrument, first, last + timedelta(microseconds=1))
    if not found:
        return []
    dataset = Dataset(BARS, maker.shelf.timeframe.value)
    table = read_places(dataset, [place.place for place in found], columns=["timestamp", "batch"])
    rows = zip(table["timestamp"].cast("int64").to_pylist(), table["batch"].to_pylist(), strict=True)
    sealed = [(_EPOCH + timedelta(microseconds=moment), batch) for moment, batch in rows if batch in batches]
    if not sealed:
        return []
    live = IntradayBar.objects.filter(
        instrument=maker.instrument, timeframe=maker.shelf.timeframe, timestamp__range=(first, last)
    )
    # A live bar lies over a sealed one, whatever that one's batch was.
    over = set(live.values_list("timestamp", flat=True))
    return [(moment.replace(tzinfo=None), batch) for moment, batch in sealed if moment not in over]


def _moment(at: datetime) -> np.datetime64:
    import numpy as np

    return np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us")
