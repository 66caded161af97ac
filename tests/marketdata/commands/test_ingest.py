"""`ingest list`: what was loaded, and what was never finished."""

from __future__ import annotations

import datetime as dt
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from marketdata.models import IngestBatch
from systemevents.services.audit import record_audit
from tests.factories import IngestBatchFactory
from tradingsite.core import clock
from tradingsite.core.actor import Actor

pytestmark = pytest.mark.django_db


def listed(**options: Any) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("ingest", "list", as_json=True, stdout=out, **options)
    batches: list[dict[str, Any]] = json.loads(out.getvalue())["batches"]
    return batches


def ago(minutes: int) -> dt.datetime:
    return clock.now() - dt.timedelta(minutes=minutes)


def test_the_newest_comes_first_and_the_filters_cut() -> None:
    for name, status in (("a.csv", "finished"), ("b.csv", "failed"), ("c.csv", "finished")):
        IngestBatchFactory.create(source=name, status=status)
    assert [batch["source"] for batch in listed()] == ["c.csv", "b.csv", "a.csv"]
    assert [batch["source"] for batch in listed(limit=1)] == ["c.csv"]
    assert [batch["source"] for batch in listed(status="failed")] == ["b.csv"]
    assert [batch["source"] for batch in listed(source="A.c")] == ["a.csv"]


def test_a_load_that_went_silent_is_broken_off_and_one_that_goes_on_is_not(system: Actor) -> None:
    silent = IngestBatchFactory.create(status="running")
    busy = IngestBatchFactory.create(status="running")
    fresh = IngestBatchFactory.create(status="running")
    done = IngestBatchFactory.create(status="finished")
    IngestBatch.objects.filter(pk__in=[silent.pk, busy.pk, done.pk]).update(started_at=ago(60))
    record_audit(system, "bars.ingested", busy, after={})
    broken_off = {batch["batch"]: batch["broken_off"] for batch in listed()}
    assert broken_off == {silent.pk: True, busy.pk: False, fresh.pk: False, done.pk: False}
    out = StringIO()
    call_command("ingest", "list", stdout=out)
    assert [line.split()[3] for line in out.getvalue().splitlines()] == ["finished", "running", "running", "broken"]


def test_an_empty_list_says_so() -> None:
    out = StringIO()
    call_command("ingest", "list", stdout=out)
    assert out.getvalue().strip() == "Nothing was loaded yet."


@pytest.mark.parametrize("limit", [0, -1, 10**6])
def test_a_limit_that_is_none_is_wrong_usage(limit: int) -> None:
    with pytest.raises(SystemExit) as stopped:
        listed(limit=limit)
    assert stopped.value.code == 2
