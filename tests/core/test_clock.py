from __future__ import annotations

import datetime as dt

import time_machine

from tradingsite.core import clock


def test_the_present_is_aware_and_in_utc() -> None:
    with time_machine.travel(dt.datetime(2024, 1, 1, 23, 30, tzinfo=dt.timezone(dt.timedelta(hours=-5))), tick=False):
        assert clock.now() == dt.datetime(2024, 1, 2, 4, 30, tzinfo=dt.UTC)
        assert clock.now().tzinfo is dt.UTC
        assert clock.today() == dt.date(2024, 1, 2)
