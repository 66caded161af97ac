"""Requests a second with an API key against the same endpoint without authentication.

    python -m benchmarks.authentication [--requests 1000] [--rounds 5]

On the engine of DATABASE_URL, in a scratch database; the whole WSGI application, called in this
process. Without authentication means: somebody is given to the view, of whom all is known already.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import secrets
import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from benchmarks.scratch import scratch_database

TARGET = 0.6
PATHS = ("/api/v1/metadata/SPY/", "/api/v1/metadata/?limit=100")
INSTRUMENTS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1_000, help="Requests a round.")
    parser.add_argument("--rounds", type=int, default=5, help="The medians are shown.")
    options = parser.parse_args()
    os.environ["API_KEY_PEPPERS"] = f"1:{secrets.token_urlsafe(48)}"
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(48))
    with scratch_database() as vendor:
        # The log's line a request would cost both alike, and bury what is printed here.
        logging.disable(logging.WARNING)
        print(f"authentication on {vendor}: {options.requests:,} requests a round, {options.rounds} rounds")
        user, key = _prepare()
        for path in PATHS:
            _measure(path, user, key, options.requests, options.rounds)


def _prepare() -> tuple[Any, str]:
    """A trader with a key, and instruments to answer with."""
    from django.conf import settings
    from django.contrib.auth.models import Group

    from accounts.models import User
    from accounts.services.api_keys import create_api_key
    from marketdata.models import Instrument
    from tradingsite.core.actor import Actor

    # How fast it is, not how fast one may ask.
    settings.THROTTLE_KEY = settings.THROTTLE_USER = settings.THROTTLE_ANON = None
    user = User.objects.create(username="bench")
    user.groups.add(Group.objects.get(name="trader"))
    Instrument.objects.bulk_create([Instrument(symbol=f"SYM{n}") for n in range(INSTRUMENTS - 1)])
    Instrument.objects.create(symbol="SPY")
    key = create_api_key(actor=Actor.system("benchmark"), owner=user, name="bench").text
    user.get_all_permissions()
    return user, key


def _measure(path: str, user: Any, key: str, requests: int, rounds: int) -> None:
    from accounts.api.authentication import ApiKeyAuthentication

    def without() -> None:
        with patch.object(ApiKeyAuthentication, "authenticate", lambda _self, _request: (user, None)):
            _ask(path, None, requests)

    contenders: dict[str, Callable[[], None]] = {
        "without authentication": without,
        "with an API key": lambda: _ask(path, key, requests),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run()  # warm
    for _ in range(rounds):
        # In turns, so that a busy machine slows both.
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            rates[name].append(requests / (time.perf_counter() - start))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ratio = medians["with an API key"] / medians["without authentication"]
    print(f"  GET {path}")
    for name, rate in medians.items():
        print(f"    {name:<24}{rate:>8,.0f} requests/s")
    print(f"    ratio {ratio:.2f}   target {TARGET}   {'reached' if ratio >= TARGET else 'MISSED'}")


def _ask(path: str, key: str | None, requests: int) -> None:
    from tradingsite.wsgi import application

    where, _, query = path.partition("?")
    statuses: set[str] = set()
    begin: Any = lambda status, _headers: statuses.add(status)  # noqa: E731  # WSGI wants a write() that nobody calls
    for _ in range(requests):
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": where,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        }
        if key is not None:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        answer: Any = application(environ, begin)
        b"".join(answer)
        answer.close()
    assert statuses == {"200 OK"}, statuses


if __name__ == "__main__":
    main()
