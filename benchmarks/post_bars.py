"""`POST /api/v1/bars` on a real server against `import_bars` of the same file, and the server's memory.

    python -m benchmarks.post_bars [--rows 1000000]

On the engine of DATABASE_URL, in a scratch database, with one worker of gunicorn on loopback.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import io
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bars import write_minute_bars
from benchmarks.measure import timed
from benchmarks.scratch import scratch_database

PATH = "/api/v1/bars/?timeframe=1m&create_symbols=true"
SMALL = b"symbol,timestamp,open,high,low,close\nBENCHA,1990-01-02T14:30:00Z,100,100,100,100\n"
MEMORY_LIMIT = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY", "AUDIT_SEAL_KEY"):
        os.environ.setdefault(name, secrets.token_urlsafe(48))
    os.environ.setdefault("API_KEY_PEPPERS", f"1:{secrets.token_urlsafe(48)}")
    os.environ.update(THROTTLE_KEY="0", THROTTLE_USER="0", ALLOWED_HOSTS="127.0.0.1")
    with scratch_database() as vendor, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "minute.csv"
        write_minute_bars(path, options.rows)
        print(f"POST bars on {vendor}: {options.rows:,} one-minute bars, {path.stat().st_size / 1e6:.0f} MB of CSV")
        key = _key()
        _command(vendor, path, options.rows)
        for name, make in FORMS.items():
            body = Path(folder) / "body"
            media_type, encoding = make(path, body)
            _empty(vendor)
            with _serving() as (port, process):
                _post(port, key, "text/csv", "", io.BytesIO(SMALL))
                before = _peak(process)
                with body.open("rb") as stream:
                    seconds = timed(lambda: _post(port, key, media_type, encoding, stream))  # noqa: B023  # called at once
                peak = _peak(process)
                print(
                    f"  {name:<12} {options.rows / seconds:>10,.0f} rows/s   "
                    f"{body.stat().st_size / 1e6:>5.0f} MB sent   server {peak:.0f} MB at most, "
                    f"{peak - before:+.0f} MB for it (target under {MEMORY_LIMIT})"
                )


def _command(vendor: str, path: Path, rows: int) -> None:
    from django.core.management import call_command

    seconds = timed(
        lambda: call_command(
            "import_bars", str(path), timeframe="1m", create_symbols=True, as_json=True, stdout=io.StringIO()
        )
    )
    print(f"  {'import_bars':<12} {rows / seconds:>10,.0f} rows/s")


def _csv(source: Path, body: Path) -> tuple[str, str]:
    body.write_bytes(source.read_bytes())
    return "text/csv", ""


def _csv_gzip(source: Path, body: Path) -> tuple[str, str]:
    body.write_bytes(gzip.compress(source.read_bytes(), 1))
    return "text/csv", "gzip"


def _arrow(source: Path, body: Path) -> tuple[str, str]:
    import pyarrow as pa
    from pyarrow import csv

    table = csv.read_csv(source)
    with pa.ipc.new_stream(str(body), table.schema) as writer:
        writer.write_table(table, max_chunksize=100_000)
    return "application/vnd.apache.arrow.stream", ""


def _parquet(source: Path, body: Path) -> tuple[str, str]:
    from pyarrow import csv, parquet

    parquet.write_table(csv.read_csv(source), body)
    return "application/vnd.apache.parquet", ""


def _ndjson(source: Path, body: Path) -> tuple[str, str]:
    with source.open() as lines, body.open("w") as stream:
        names = next(lines).strip().split(",")
        for line in lines:
            symbol, moment, *numbers = line.strip().split(",")
            pairs = ",".join(f'"{name}":{number}' for name, number in zip(names[2:], numbers, strict=True))
            stream.write(f'{{"symbol":"{symbol}","timestamp":"{moment}",{pairs}}}\n')
    return "application/x-ndjson", ""


def _json(source: Path, body: Path) -> tuple[str, str]:
    _ndjson(source, body)
    rows = body.read_text().rstrip("\n").replace("\n", ",")
    body.write_text(f'{{"bars":[{rows}]}}')
    return "application/json", ""


FORMS: dict[str, Callable[[Path, Path], tuple[str, str]]] = {
    "CSV": _csv,
    "CSV, gzip": _csv_gzip,
    "Arrow": _arrow,
    "Parquet": _parquet,
    "NDJSON": _ndjson,
    "JSON": _json,
}


def _key() -> str:
    from accounts.models import User
    from accounts.services.api_keys import create_api_key
    from tradingsite.core.actor import Actor

    owner = User.objects.create_superuser("bench", "bench@example.com", secrets.token_urlsafe())
    return create_api_key(actor=Actor.system("bench"), owner=owner, name="bench").text


def _empty(vendor: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM intraday_data" if vendor == "sqlite" else "TRUNCATE TABLE intraday_data")


@contextmanager
def _serving() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """gunicorn with one worker, and its master's process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "tradingsite.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "4",
         "--worker-class", "gthread", "--no-control-socket", "--log-level", "error", "--timeout", "600"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port, process
    finally:
        process.terminate()
        process.wait(60)


def _post(port: int, key: str, media_type: str, encoding: str, body: io.BufferedIOBase) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    size = body.seek(0, io.SEEK_END)
    body.seek(0)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": media_type, "Content-Length": str(size)}
    connection.request("POST", PATH, body=body, headers=headers | ({"Content-Encoding": encoding} if encoding else {}))
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, text
    assert json.loads(text)["rejected"] == 0, text


def _peak(master: subprocess.Popen[bytes]) -> float:
    """The most memory that the worker ever held, in MB."""
    children = Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()
    lines = Path(f"/proc/{children[0]}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
