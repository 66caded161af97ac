"""Where in the archive a file lies, and what it is called; pure.

    bars/timeframe=1m/month=2013-10/2013-10-07-v1-3f9c27d0a1b2.parquet    one day
    bars/timeframe=1m/month=2013-09/2013-09-v2-90b11c7e55aa.parquet       a month, compacted
    ticks/month=2013-10/2013-10-07-v1-....parquet
    superseded/bars/...     what an earlier version said
    aside/bars/...          what a run that broke off left behind
    tmp/...                 what a run is writing

Days and months share the key `month`, so that Spark, DuckDB and polars read the folders `bars` and
`ticks` as one hive-partitioned table each. The digest in the name is that of the rows: two runs
that wrote different rows can't overwrite each other's file.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from tradingsite.core.timeframes import INTRADAY, Timeframe

BARS, TICKS = "bars", "ticks"
SUPERSEDED, ASIDE, TEMPORARY = "superseded", "aside", "tmp"
_ONE_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_A_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Dataset:
    """What is sealed apart from the rest: the bars of one timeframe, or ticks."""

    kind: str
    timeframe: str = ""

    @property
    def is_ticks(self) -> bool:
        return self.kind == TICKS

    @property
    def longest(self) -> timedelta:
        """How long after its start a row is not final yet."""
        return timedelta() if self.is_ticks else Timeframe(self.timeframe).duration

    @property
    def folder(self) -> str:
        return TICKS if self.is_ticks else f"{BARS}/timeframe={self.timeframe}"

    def __str__(self) -> str:
        return "ticks" if self.is_ticks else f"{self.timeframe} bars"


#: In the order in which they are worked on.
DATASETS = (*(Dataset(BARS, timeframe.value) for timeframe in Timeframe if timeframe in INTRADAY), Dataset(TICKS))


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Whole days (UTC), the last one included."""

    first: date
    last: date

    @classmethod
    def of_day(cls, day: date) -> Span:
        return cls(day, day)

    @classmethod
    def of_month(cls, day: date) -> Span:
        """The month in which the day lies."""
        return cls(day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))

    @property
    def is_day(self) -> bool:
        return self.first == self.last

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time.min, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The midnight after the last day."""
        return datetime.combine(self.last, time.min, tzinfo=UTC) + _ONE_DAY

    def has_ended(self, *, at: datetime) -> bool:
        """Whether its last day is past at that moment; also for the last days that there are."""
        return at.astimezone(UTC).date() > self.last

    def days(self) -> Iterator[date]:
        for number in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=number)

    def __str__(self) -> str:
        return self.first.isoformat() if self.is_day else f"{self.first:%Y-%m}"


def folder_of(dataset: Dataset, span: Span) -> str:
    """The folder of a span's files."""
    return f"{dataset.folder}/month={span.first:%Y-%m}"


def path_of(dataset: Dataset, span: Span, *, version: int, digest: str) -> str:
    """The path of a span's file below the archive's root."""
    return f"{folder_of(dataset, span)}/{span}-v{version}-{digest[:12]}.parquet"


def key_of(dataset: Dataset, span: Span) -> str:
    """What only one current partition may have: `current_key`."""
    return f"{dataset.kind}/{dataset.timeframe}/{span.first}/{span.last}"


def is_over(dataset: Dataset, span: Span, *, at: datetime) -> bool:
    """Whether every row that starts in the span is final at that moment."""
    return at >= span.end + dataset.longest


def microseconds(moment: datetime) -> int:
    """The moment as the archive counts: microseconds since 1970 UTC."""
    return (moment - _EPOCH) // _A_MICROSECOND


def moment_of(number: int) -> datetime:
    """The moment of so many microseconds since 1970 UTC."""
    return _EPOCH + number * _A_MICROSECOND
