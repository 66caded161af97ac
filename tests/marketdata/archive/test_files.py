"""One sealed file: exact, cut where symbols change, read by its places only, and never served damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from marketdata.archive.errors import ArchiveDamaged, ArchiveUnwritable
from marketdata.archive.layout import DATASETS, Dataset, Span
from marketdata.archive.reading import Footer, FooterCache, SealedFile, SealedPlace, footers, read_all, read_places
from marketdata.archive.rows import ArchiveRows, overlaid
from marketdata.archive.sealing import NewFile, make_file
from marketdata.archive.storage import LocalStorage, storage
from marketdata.archive.writing import MOST_IN_A_GROUP
from tests.marketdata.archive.days import MINUTES, MONDAY, files
from tests.marketdata.archive.rows import listed, some_rows

DAY, MONTH = Span.of_day(MONDAY), Span.of_month(MONDAY)


def made(rows: ArchiveRows, *, span: Span = DAY) -> tuple[NewFile, SealedFile]:
    new = make_file(storage(), [rows], dataset=rows.dataset, span=span, version=1)
    written = new.written
    return new, SealedFile(new.path, written.sha256, written.size, written.footer_size, written.footer_sha256)


def read(dataset: Dataset, file: SealedFile) -> list[tuple[Any, ...]]:
    return [row for table in read_all(dataset, file) for row in listed(ArchiveRows.from_table(dataset, table))]


@pytest.mark.parametrize("dataset", [MINUTES, DATASETS[-1]], ids=str)
def test_rows_read_back_as_they_were_written(dataset: Dataset) -> None:
    rows = some_rows({"A": 300, "B": 1, "Z.Z": 500}, dataset=dataset)
    _, file = made(rows)
    assert read(dataset, file) == listed(rows)


def test_the_columns_are_exact_decimals_and_times_in_utc_for_whoever_reads(archive: Path) -> None:
    new, _ = made(some_rows({"A": 10}))
    schema = parquet.read_schema(archive / new.path)
    assert schema.field("open").type == pa.decimal128(18, 8)
    assert schema.field("volume").type == pa.decimal128(18, 6)
    assert schema.field("timestamp").type == pa.timestamp("us", tz="UTC")
    assert schema.names == [
        *("symbol", "timestamp", "open", "high", "low", "close", "volume", "vwap", "trade_count", "batch")
    ]


def test_a_file_is_read_only_and_nothing_else_is_left(archive: Path) -> None:
    new, _ = made(some_rows({"A": 10}))
    assert (archive / new.path).stat().st_mode & 0o777 == 0o444
    assert list((archive / "tmp").iterdir()) == []


def test_groups_are_cut_where_symbols_change() -> None:
    counts = {f"S{number:03}": 700 for number in range(60)}
    new, _ = made(some_rows(counts))
    groups: dict[int, set[str]] = {}
    for place in new.written.places:
        groups.setdefault(place.group, set()).add(place.symbol)
        assert place.rows == 700
    # Each holds enough rows, and no symbol is in two.
    assert [len(symbols) for symbols in groups.values()] == [29, 29, 2]
    assert sum(map(len, groups.values())) == len(counts)


def test_in_a_month_a_symbols_history_is_a_group_of_its_own() -> None:
    new, _ = made(some_rows({"LONG": 5000, "LONGER": 8000, "TINY": 10}), span=MONTH)
    assert [(place.symbol, place.group) for place in new.written.places] == [("LONG", 0), ("LONGER", 1), ("TINY", 2)]


def test_a_symbol_with_very_many_rows_is_cut() -> None:
    rows = some_rows({"A": 10, "BIG": 2 * MOST_IN_A_GROUP + 5, "C": 10})
    new, file = made(rows)
    big = [place for place in new.written.places if place.symbol == "BIG"]
    assert [place.rows for place in big] == [MOST_IN_A_GROUP, MOST_IN_A_GROUP, 5]
    places = [SealedPlace(file, "BIG", place.group, place.offset, place.rows) for place in big]
    assert listed(ArchiveRows.from_table(MINUTES, read_places(MINUTES, places))) == listed(
        rows.take(rows.symbol.codes == 1)
    )


def test_places_are_read_in_their_order_and_only_the_columns_asked_for() -> None:
    rows = some_rows({"A": 5, "B": 6, "C": 7})
    new, file = made(rows)
    places = [SealedPlace(file, place.symbol, place.group, place.offset, place.rows) for place in new.written.places]
    table = read_places(MINUTES, [places[2], places[0]], columns=["close", "symbol"])
    assert table.column_names == ["close", "symbol"]
    assert table["symbol"].to_pylist() == ["C"] * 7 + ["A"] * 5


def test_the_same_rows_in_other_parts_have_the_same_digest() -> None:
    rows = some_rows({"A": 50, "B": 60})
    parts = [rows.take(rows.symbol.codes == code) for code in (0, 1)]
    one = make_file(storage(), [rows], dataset=MINUTES, span=DAY, version=1)
    other = make_file(storage(), parts, dataset=MINUTES, span=MONTH, version=1)
    assert one.written.digest == other.written.digest
    changed = some_rows({"A": 50, "B": 60}, seed=2)
    assert make_file(storage(), [changed], dataset=MINUTES, span=DAY, version=2).written.digest != one.written.digest


def test_live_rows_lie_over_sealed_ones() -> None:
    sealed = some_rows({"A": 10, "C": 10})
    fresh = some_rows({"A": 12, "B": 3}, seed=2)
    # The live ones have some of A's times and two later ones.
    live = fresh.take(fresh.time >= fresh.time[5])
    both = overlaid(sealed, live)
    expected = {row[:3]: row for row in listed(sealed)} | {row[:3]: row for row in listed(live)}
    assert listed(both) == [expected[key] for key in sorted(expected)]


def test_no_bit_can_be_turned_without_the_file_being_refused_by_its_name(archive: Path) -> None:
    rows = some_rows({"A": 40, "B": 40})
    new, file = made(rows)
    path = archive / new.path
    whole = path.read_bytes()
    good = listed(rows)
    path.chmod(0o644)
    for at in range(4, len(whole), 3):
        bad = bytearray(whole)
        bad[at] ^= 1 << at % 8
        path.write_bytes(bad)
        footers.clear()
        with pytest.raises(ArchiveDamaged, match="2013-10-07-v1"):
            read(MINUTES, file)
    path.write_bytes(whole)
    assert read(MINUTES, file) == good


def test_damage_is_found_after_the_footer_was_read_as_well(archive: Path) -> None:
    new, file = made(some_rows({"A": 40}))
    read(MINUTES, file)
    path = archive / new.path
    bad = bytearray(path.read_bytes())
    bad[100] ^= 1
    path.chmod(0o644)
    path.write_bytes(bad)
    with pytest.raises(ArchiveDamaged, match="Row group 0 of the archive file bars/"):
        read(MINUTES, file)


@pytest.mark.parametrize("size", [0, 3, 100, -1])
def test_a_cut_or_missing_file_is_refused_by_its_name(archive: Path, size: int) -> None:
    new, file = made(some_rows({"A": 40}))
    path = archive / new.path
    whole = path.read_bytes()
    path.unlink()
    if size >= 0:
        path.write_bytes(whole[:size])
    with pytest.raises(ArchiveDamaged, match="2013-10-07-v1"):
        read(MINUTES, file)


def test_a_superseded_file_is_still_found_by_its_path(archive: Path) -> None:
    rows = some_rows({"A": 40})
    new, file = made(rows)
    store = LocalStorage(str(archive))
    store.keep_superseded(new.path)
    store.keep_superseded(new.path)
    assert files(archive) == []
    assert files(archive, "superseded") == [f"superseded/{new.path}"]
    assert read(MINUTES, file) == listed(rows)


def test_a_full_disk_leaves_nothing_and_says_so(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from marketdata.archive import writing

    write = writing._Digested.write

    def full(self: Any, data: Any) -> int:
        if self.size > 1000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(writing._Digested, "write", full)
    with pytest.raises(ArchiveUnwritable, match="No space left on device"):
        made(some_rows({"A": 4000}))
    assert [path for path in archive.rglob("*") if path.is_file()] == []


def test_what_does_not_read_back_equal_gets_no_place(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from marketdata.archive import sealing

    written = sealing.write_file

    def damage(store: LocalStorage, *args: Any, **options: Any) -> Any:
        temporary, result = written(store, *args, **options)
        path = store.root / temporary
        bad = bytearray(path.read_bytes())
        bad[200] ^= 1
        path.chmod(0o644)
        path.write_bytes(bad)
        return temporary, result

    monkeypatch.setattr(sealing, "write_file", damage)
    with pytest.raises(ArchiveDamaged):
        made(some_rows({"A": 400}))
    assert [path for path in archive.rglob("*") if path.is_file()] == []


def test_footers_are_kept_as_long_as_there_is_room() -> None:
    cache = FooterCache(limit=3000)
    loaded: list[int] = []

    def ask(number: int, size: int = 100) -> None:
        def load() -> Footer:
            loaded.append(number)
            return Footer(None, [])

        cache.get(SealedFile(f"{number}", f"{number}", 0, size, ""), load)

    for number in (1, 2, 3, 1, 4, 1, 2):
        ask(number)
    # Of 800 bytes each three have room: 2 went for 4, being used longest ago.
    assert loaded == [1, 2, 3, 4, 2]
    assert len(cache) == 3
    assert cache.size <= cache.limit
    ask(9, size=3000)
    assert len(cache) == 3


def test_of_an_archive_elsewhere_it_is_said_that_it_can_not_be_used(settings: Any) -> None:
    settings.ARCHIVE_ROOT = "s3://bucket/prefix"
    with pytest.raises(ArchiveUnwritable, match="only folders"):
        storage()


def test_rows_of_nobody_make_an_empty_file_that_reads_back() -> None:
    _, file = made(ArchiveRows.none(MINUTES))
    assert read(MINUTES, file) == []
    assert len(read_places(MINUTES, [])) == 0
    assert np.asarray(read_places(MINUTES, [])["open"]).tolist() == []
