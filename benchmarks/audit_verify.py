"""`audit verify` against reading and hashing the same rows as they come.

    python -m benchmarks.audit_verify [--rows 1000000] [--repeat 3]

On the engine of DATABASE_URL, in a scratch database. The yardstick walks the same columns with the
raw cursor, in chunks of the same size, and feeds each row's `repr` to SHA-256: what reading a
million rows and hashing them costs at least.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time

from benchmarks.measure import peak_megabytes, timed
from benchmarks.scratch import scratch_database

SEED_ROWS = 1_000
CHUNK = 2_000
COLUMNS = (
    "occurred_at, actor_id, actor_label, key_id, front, action, object_type, object_id, object_label, "
    "{quote}before{quote}, {quote}after{quote}, request_id, address"
)
SECONDS_LIMIT = 60
MEMORY_LIMIT = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3, help="Rounds; the medians are shown.")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child()
        return
    os.environ.setdefault("AUDIT_SEAL_KEY", "a key of the benchmark, long enough to seal with: 0123456789")
    with scratch_database() as vendor:
        _fill(options.rows)
        entries = _seal()
        print(f"audit verify on {vendor}: {entries:,} sealed entries")
        _speed(vendor, entries, options.repeat)
        _memory(entries)


def _fill(rows: int) -> None:
    """Entries as the software writes them, a thousand of its own and then copies."""
    from django.db import connection, transaction

    from systemevents.services.audit import record_audit
    from tradingsite.core.actor import Actor, Front

    actor = Actor(label="bot", front=Front.API, key_id="abcdefgh12345678", request_id="r" * 32, address="192.0.2.7")
    with transaction.atomic():
        for number in range(SEED_ROWS):
            before = {"quantity": "100.00000000", "cost": "14511.0000", "updates": number}
            record_audit(actor, "position.changed", before=before, after={**before, "quantity": f"{number}.00000000"})
    columns = COLUMNS.format(quote=connection.ops.quote_name("x")[0])
    present = _count()
    while present < rows:
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO audit_logs ({columns}) SELECT {columns} FROM audit_logs LIMIT {rows - present}"
            )
        present = _count()


def _count() -> int:
    from systemevents.models import AuditLog

    return AuditLog.objects.count()


def _seal() -> int:
    from systemevents.services.seals import seal_audit
    from tradingsite.core.actor import Actor

    start = time.perf_counter()
    entries = sum(seal.entries for seal in seal_audit(actor=Actor.system("bench")))
    print(f"  sealed at {entries / (time.perf_counter() - start):,.0f} entries/s")
    return entries


def _speed(vendor: str, entries: int, repeat: int) -> None:
    seconds: dict[str, list[float]] = {"audit verify": [], "read and hash": []}
    for _ in range(repeat):
        seconds["audit verify"].append(timed(lambda: _verify(entries)))
        seconds["read and hash"].append(timed(_read_and_hash))
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    ratio = medians["read and hash"] / medians["audit verify"]
    for name, median in medians.items():
        print(f"  {name:<14} {median:>6.1f} s   {entries / median:>9,.0f} entries/s")
    print(f"  audit verify has {ratio:.2f} of the yardstick's speed")


def _verify(entries: int | None = None) -> int:
    from systemevents.verification import verify_audit

    verdict = verify_audit()
    assert verdict.finding is None, verdict.finding
    assert entries in (None, verdict.sealed), verdict
    return verdict.sealed


def _read_and_hash() -> str:
    from django.db import connection

    columns = COLUMNS.format(quote=connection.ops.quote_name("x")[0])
    digest = hashlib.sha256()
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id, {columns} FROM audit_logs WHERE id > %s ORDER BY id LIMIT {CHUNK}", [last])
            rows = cursor.fetchall()
        for row in rows:
            digest.update(repr(row).encode())
        if len(rows) < CHUNK:
            return digest.hexdigest()
        last = rows[-1][0]


def _memory(entries: int) -> None:
    """Time and highest resident memory of a process that only verifies."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.audit_verify", "--child"],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    answer = json.loads(done.stdout)
    print(
        f"  {entries:,} entries in a process of its own: {answer['seconds']:.1f} s   target under {SECONDS_LIMIT}; "
        f"{answer['megabytes']:.0f} MB at most   target under {MEMORY_LIMIT}"
    )


def _child() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tradingsite.settings"
    django.setup()
    seconds = timed(_verify)
    print(json.dumps({"seconds": seconds, "megabytes": peak_megabytes()}))


if __name__ == "__main__":
    main()
