"""How long `manage.py check` takes, against importing the same libraries and doing nothing.

    python -m benchmarks.startup [--repeat 9]

The yardstick starts Python and imports Django, REST framework, the admin's theme and the database
driver; what `check` takes beyond it is ours: settings, models, admin, URLs, the checks themselves.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
YARDSTICK = (
    "import django, rest_framework, drf_spectacular, import_export, unfold, psycopg, pymysql, django.contrib.admin"
)
HEAVY = ("pandas", "pyarrow", "numpy", "exchange_calendars")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=9, help="Rounds; the medians are shown.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{folder}/check.db",
            "SECRET_KEY": "of-a-benchmark-and-long-enough-to-be-taken-0123456789abcdefghijklmnop",
            "API_KEY_PEPPERS": "1:of-a-benchmark-and-long-enough-to-be-taken-0123456789abcdefghij",
        }
        commands = {"libraries alone": ["-c", YARDSTICK], "manage.py check": ["manage.py", "check"]}
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(options.repeat):
            for name, command in commands.items():
                seconds[name].append(_run(command, environment))
        loaded = _heavy_libraries(environment)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    yardstick = medians["libraries alone"]
    print(f"start of a command, median of {options.repeat}")
    for name, median in medians.items():
        print(f"  {name:<16} {median:6.2f} s   {median / yardstick:5.2f} times the libraries alone")
    print(f"  heavy libraries loaded by it: {', '.join(loaded) or 'none'}")
    print(f"  peak memory of a start: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")


def _run(command: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def _heavy_libraries(environment: dict[str, str]) -> list[str]:
    """Which of the heavy libraries are loaded after the checks."""
    script = (
        "import sys; from tradingsite.core.management.entry import run; run(['manage.py', 'check']);"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)"
    )
    settings = {**environment, "DJANGO_SETTINGS_MODULE": "tradingsite.settings"}
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=settings, check=True, capture_output=True, text=True
    )
    return answer.stderr.split()


if __name__ == "__main__":
    main()
