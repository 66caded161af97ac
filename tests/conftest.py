"""What every test can ask for: people, their actors, their API clients, their browsers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services.api_keys import create_api_key
from accounts.services.key_limits import KeyLimits
from tests.factories import UserFactory
from tests.portability.processes import SIGNING_KEY
from tests.teardown import let_flush_empty_the_trail
from tradingsite.core.actor import Actor, Front

SECRET_KEY = "a secret key of the tests, long enough to sign with: 0123456789abcdef"


def pytest_configure() -> None:
    """The secret is there before the first fixture: making the database already asks for it."""
    django_settings.SECRET_KEY = SECRET_KEY
    let_flush_empty_the_trail()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip on the servers what is slow and knows nothing of the engine that the tests run on."""
    if connection.vendor == "sqlite":
        return
    skipped = pytest.mark.skip(reason="the same on every engine: runs with SQLite")
    for item in items:
        if item.get_closest_marker("any_engine") is not None:
            item.add_marker(skipped)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite's test database is a file, as in life: one in memory has other locks, and one process only."""
    for entry in django_settings.DATABASES.values():
        if entry["ENGINE"].endswith("sqlite3"):
            entry.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "test.db")


@pytest.fixture(autouse=True)
def settings_of_their_own(settings: Any) -> None:
    """No test depends on what the machine's `.env` says."""
    settings.SECRET_KEY = SECRET_KEY
    settings.API_KEY_PEPPERS = "1:a pepper of the tests that is long enough"
    settings.JWT_SIGNING_KEY = SIGNING_KEY
    settings.SECRET_KEY_FALLBACKS = []
    settings.TOTP_REQUIRED = "nobody"
    settings.REGISTRATION = "closed"
    settings.STARTING_CASH, settings.STARTING_CURRENCY = Decimal(10000), "USD"
    settings.DEFAULT_WATCHLIST = ["AAPL", "MSFT"]
    # What counts requests is tested by itself (tests/core/test_throttling.py).
    settings.THROTTLE_KEY = settings.THROTTLE_USER = settings.THROTTLE_ANON = None
    # Static files straight from the packages: no collectstatic before the tests.
    settings.WHITENOISE_AUTOREFRESH = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def system() -> Actor:
    """The software itself."""
    return Actor.system("tests")


@pytest.fixture
def owner(db: None) -> User:
    """The person whose rows a test is about: a trader."""
    return UserFactory.create(username="owner", role="trader")


@pytest.fixture
def other_user(db: None) -> User:
    """Another trader, who must not see the owner's rows."""
    return UserFactory.create(username="other", role="trader")


@pytest.fixture
def viewer(db: None) -> User:
    return UserFactory.create(username="viewer", role="viewer")


@pytest.fixture
def analyst(db: None) -> User:
    return UserFactory.create(username="analyst", role="analyst")


@pytest.fixture
def staff(db: None) -> User:
    """An administrator: the role `admin`, which sees everybody's rows."""
    return UserFactory.create(username="staff", role="admin")


@pytest.fixture
def actor_of() -> Callable[[User], Actor]:
    """The actor of a user in the admin."""
    return lambda user: Actor.of(user, front=Front.ADMIN)


@pytest.fixture
def api_of(system: Actor) -> Callable[[User], APIClient]:
    """An API client with a fresh key of the user's; an administrator's carries the scope for that."""

    def make(user: User) -> APIClient:
        client = APIClient()
        administers = user.is_superuser or user.groups.filter(name="admin").exists()
        limits = KeyLimits(scopes=["admin"] if administers else None)
        key = create_api_key(actor=system, owner=user, name="tests", limits=limits).text
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        return client

    return make


@pytest.fixture
def owner_api(owner: User, api_of: Callable[[User], APIClient]) -> APIClient:
    return api_of(owner)


@pytest.fixture
def stranger_api(other_user: User, api_of: Callable[[User], APIClient]) -> APIClient:
    return api_of(other_user)


@pytest.fixture
def viewer_api(viewer: User, api_of: Callable[[User], APIClient]) -> APIClient:
    return api_of(viewer)


@pytest.fixture
def analyst_api(analyst: User, api_of: Callable[[User], APIClient]) -> APIClient:
    return api_of(analyst)


@pytest.fixture
def staff_api(staff: User, api_of: Callable[[User], APIClient]) -> APIClient:
    return api_of(staff)


@pytest.fixture
def browser_of() -> Callable[[User], Client]:
    """A browser in which the user is logged in to the admin."""

    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make
