"""Paging through a list while another process writes to it: no row twice, none missing, on each engine."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from accounts.services.api_keys import create_api_key
from marketdata.models import DailyBar
from tests.factories import DailyBarFactory, InstrumentFactory, UserFactory
from tests.portability.processes import SECONDS, in_processes, start_process
from tradingsite.core.actor import Actor

pytestmark = pytest.mark.django_db(transaction=True)

BARS = "/api/v1/daily-data/"
ORIGIN = dt.date(2020, 1, 1)
READERS = 3
#: Instruments and bars of each: the first field of the keyset ties for many pages.
INSTRUMENTS, EACH = 3, 15


@pytest.fixture
def key(settings: Any) -> str:
    """A key that other processes take."""
    settings.API_KEY_PEPPERS = "1:a pepper of the tests"
    return create_api_key(actor=Actor.system("t"), owner=UserFactory.create(role="viewer"), name="pages").text


@pytest.fixture
def instruments() -> list[int]:
    """Instruments with a bar on every fourth day: others fit before, between and behind."""
    made = [InstrumentFactory.create() for _ in range(INSTRUMENTS)]
    for instrument in made:
        for n in range(EACH):
            DailyBarFactory.create(instrument=instrument, date=ORIGIN + dt.timedelta(days=4 * n))
    return [instrument.pk for instrument in made]


@pytest.mark.parametrize("limit", [4, 15])
def test_each_row_that_stays_is_met_once_while_others_come_and_go(key: str, instruments: list[int], limit: int) -> None:
    stay = set(DailyBar.objects.values_list("pk", flat=True))
    writer = start_process("come_and_go", ORIGIN, 4 * EACH, *instruments)
    assert writer.stdin is not None
    assert writer.stdout is not None
    try:
        assert writer.stdout.readline() == "ready\n"
        writer.stdin.write("go\n")
        writer.stdin.flush()
        assert writer.stdout.readline() == "writing\n"
        walks = in_processes("page_through", READERS, BARS, key, limit)
        output, errors = writer.communicate("stop\n", timeout=SECONDS)
    finally:
        writer.kill()
    assert writer.returncode == 0, errors
    written, dropped = json.loads(output)
    assert DailyBar.objects.count() == len(stay) + written - dropped
    assert dropped > 0

    places = {pk: place for pk, *place in DailyBar.objects.values_list("pk", "instrument_id", "date")}
    for began, met in walks:
        assert len(met) == len(set(met))
        assert stay <= set(met)
        in_order = [places[pk] for pk in met if pk in places]
        assert in_order == sorted(in_order)
        # It met what was written after it had begun: the list did move under it.
        assert max(met) > began
