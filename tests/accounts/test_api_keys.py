"""Keys: made, found, used, revoked; what is refused; where the secret never is."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction

from accounts.key_format import PREFIX, make_key
from accounts.models import ApiKey, User
from accounts.services.api_keys import DEFAULT_LIFETIME, create_api_key, find_usable_key, note_use, revoke_api_key
from systemevents.models import AuditLog
from tests.factories import UserFactory
from tests.portability.processes import in_processes
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput

pytestmark = pytest.mark.django_db

ActorOf = Callable[[User], Actor]


@pytest.fixture
def text(system: Actor, owner: User) -> str:
    """A good key of the owner's."""
    return create_api_key(actor=system, owner=owner, name="notebook").text


def stored(text: str) -> ApiKey:
    return ApiKey.objects.get(public_id=text[len(PREFIX) : len(PREFIX) + 16])


def test_a_good_key_is_found_with_its_owner_in_one_query(
    text: str, owner: User, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        key = find_usable_key(text)
        assert key is not None
        assert key.owner == owner


def test_a_mistyped_key_is_refused_without_a_query(text: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert find_usable_key(text[:-1]) is None
        assert find_usable_key(text[:30] + ("a" if text[30] != "a" else "b") + text[31:]) is None
        assert find_usable_key("") is None


def test_a_well_formed_key_that_nobody_made_is_refused(text: str) -> None:
    assert find_usable_key(make_key().text) is None


def test_the_id_of_one_key_with_the_secret_of_another_is_refused(text: str, system: Actor, owner: User) -> None:
    from accounts.key_format import checksum

    other = create_api_key(actor=system, owner=owner, name="other").text
    body = text[:20] + other[20:-6]
    assert find_usable_key(body + checksum(body)) is None


def test_a_key_lasts_ninety_days(text: str) -> None:
    made_at = stored(text).created_at
    assert stored(text).expires_at == pytest.approx(made_at + DEFAULT_LIFETIME, abs=dt.timedelta(seconds=5))
    with time_machine.travel(made_at + DEFAULT_LIFETIME - dt.timedelta(minutes=1)):
        assert find_usable_key(text) is not None
    with time_machine.travel(made_at + DEFAULT_LIFETIME + dt.timedelta(minutes=1)):
        assert find_usable_key(text) is None


def test_the_moment_of_expiry_is_too_late(text: str) -> None:
    key, moment = stored(text), dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    key.expires_at = moment
    assert key.is_usable(moment - dt.timedelta(microseconds=1))
    assert not key.is_usable(moment)


def test_a_key_can_be_made_to_last(system: Actor, owner: User) -> None:
    made = create_api_key(actor=system, owner=owner, name="bot", never_expires=True)
    assert made.key.expires_at is None
    with time_machine.travel(dt.datetime(2100, 1, 1, tzinfo=dt.UTC)):
        assert find_usable_key(made.text) is not None


@pytest.mark.parametrize(
    "expires_at",
    [dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1)],  # noqa: DTZ001  # naive: that is the point
    ids=["past", "naive"],
)
def test_an_expiry_that_is_past_or_without_a_zone_is_refused(
    system: Actor, owner: User, expires_at: dt.datetime
) -> None:
    with pytest.raises(InvalidInput):
        create_api_key(actor=system, owner=owner, name="bot", expires_at=expires_at)
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("name", ["", "   ", "n" * 101])
def test_a_key_needs_a_name(system: Actor, owner: User, name: str) -> None:
    with pytest.raises(InvalidInput, match="name"):
        create_api_key(actor=system, owner=owner, name=name)


def test_a_revoked_key_is_refused_and_revoking_again_changes_nothing(text: str, owner: User, actor_of: ActorOf) -> None:
    key = revoke_api_key(actor=actor_of(owner), key=stored(text))
    assert find_usable_key(text) is None
    assert revoke_api_key(actor=actor_of(owner), key=key).revoked_at == key.revoked_at
    assert AuditLog.objects.filter(action="api_key.revoked").count() == 1


def test_a_deactivated_owners_key_is_refused_and_good_again_afterwards(text: str, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert find_usable_key(text) is None
    User.objects.filter(pk=owner.pk).update(is_active=True)
    assert find_usable_key(text) is not None


def test_a_key_made_under_another_pepper_is_refused(text: str, settings: Any) -> None:
    settings.API_KEY_PEPPERS = "1:another pepper altogether"
    assert find_usable_key(text) is None
    settings.API_KEY_PEPPERS = "2:a pepper of the tests that is long enough"
    assert find_usable_key(text) is None
    settings.API_KEY_PEPPERS = ""
    assert find_usable_key(text) is None


def test_old_keys_stay_good_while_their_pepper_is_listed_and_new_ones_use_the_newest(
    text: str, settings: Any, system: Actor, owner: User
) -> None:
    settings.API_KEY_PEPPERS += ",12:a newer pepper"
    newer = create_api_key(actor=system, owner=owner, name="newer")
    assert newer.key.pepper == 12
    assert find_usable_key(text) is not None
    assert find_usable_key(newer.text) is not None
    settings.API_KEY_PEPPERS = "12:a newer pepper"
    assert find_usable_key(text) is None
    assert find_usable_key(newer.text) is not None


def test_without_a_pepper_no_key_is_made(settings: Any, system: Actor, owner: User) -> None:
    settings.API_KEY_PEPPERS = ""
    with pytest.raises(Conflict, match="API_KEY_PEPPERS"):
        create_api_key(actor=system, owner=owner, name="bot")


def test_people_make_and_revoke_their_own(owner: User, actor_of: ActorOf) -> None:
    made = create_api_key(actor=actor_of(owner), owner=owner, name="mine")
    assert made.key.owner == owner
    revoke_api_key(actor=actor_of(owner), key=made.key)


def test_a_viewer_makes_none(viewer: User, actor_of: ActorOf) -> None:
    with pytest.raises(Forbidden):
        create_api_key(actor=actor_of(viewer), owner=viewer, name="mine")


def test_nobody_makes_or_revokes_anothers(owner: User, other_user: User, actor_of: ActorOf, text: str) -> None:
    with pytest.raises(Forbidden):
        create_api_key(actor=actor_of(other_user), owner=owner, name="theirs")
    with pytest.raises(Forbidden):
        revoke_api_key(actor=actor_of(other_user), key=stored(text))
    assert find_usable_key(text) is not None


def test_an_administrator_makes_and_revokes_for_others(owner: User, staff: User, actor_of: ActorOf) -> None:
    made = create_api_key(actor=actor_of(staff), owner=owner, name="for the bot")
    assert made.key.owner == owner
    revoke_api_key(actor=actor_of(staff), key=made.key)
    assert find_usable_key(made.text) is None


def test_an_administrator_makes_no_key_of_a_superuser(staff: User, actor_of: ActorOf) -> None:
    root = UserFactory.create(is_superuser=True)
    with pytest.raises(Forbidden, match="rights that you do not have"):
        create_api_key(actor=actor_of(staff), owner=root, name="a way up")
    assert not ApiKey.objects.exists()


def test_a_key_never_makes_a_key(staff: User, owner: User) -> None:
    by_key = Actor.of(staff, front=Front.API, key_id="k")
    for of in (staff, owner):
        with pytest.raises(Forbidden, match="can't make another"):
            create_api_key(actor=by_key, owner=of, name="child")


def test_a_deactivated_user_gets_none(system: Actor) -> None:
    with pytest.raises(Conflict, match="deactivated"):
        create_api_key(actor=system, owner=UserFactory.create(is_active=False), name="bot")


def test_the_last_use_is_written_once_a_minute(text: str) -> None:
    with time_machine.travel(clock.now(), tick=False) as time:
        assert note_use(stored(text))
        first = stored(text).last_used_at
        assert first == clock.now()
        time.shift(59)
        assert not note_use(stored(text))
        assert stored(text).last_used_at == first
        time.shift(2)
        assert note_use(stored(text))
        assert stored(text).last_used_at == clock.now()


def test_of_two_who_saw_it_unused_one_writes(text: str) -> None:
    one, other = stored(text), stored(text)
    assert [note_use(one), note_use(other)] == [True, False]


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_parallel_calls_one_writes(settings: Any, system: Actor) -> None:
    settings.API_KEY_PEPPERS = "1:a pepper of the tests"  # as the processes have it
    made = create_api_key(actor=system, owner=UserFactory.create(), name="busy")
    assert sum(in_processes("use_key", 4, made.text, 25)) == 1


def test_the_secret_is_nowhere_in_the_database_or_the_logs(
    owner: User, actor_of: ActorOf, caplog: pytest.LogCaptureFixture, api_of: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    made = create_api_key(actor=actor_of(owner), owner=owner, name="secret")
    api_of(owner).get("/api/v1/api-keys", headers={"Authorization": f"Bearer {made.text}"})
    revoke_api_key(actor=actor_of(owner), key=made.key)
    secret = made.text[21:-6]
    for row in everything_stored():
        assert secret not in row
    assert secret not in caplog.text
    assert secret not in str(made.key)


def everything_stored() -> list[str]:
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += [repr(row) for row in cursor.fetchall()]
    assert any("secret (tsk_" in row for row in rows), "the trail names the key"
    return rows


def test_the_trail_of_a_key_tells_no_digest(owner: User, actor_of: ActorOf) -> None:
    made = create_api_key(actor=actor_of(owner), owner=owner, name="mine")
    entry = AuditLog.objects.get(action="api_key.created")
    assert entry.actor == owner
    assert entry.after["public_id"] == made.key.public_id
    assert not {"digest", "pepper"} & set(entry.after)
    assert made.key.digest not in str(entry.after)


def test_a_key_that_was_not_committed_is_none(system: Actor, owner: User) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012  # the roll-back is the point
        made = create_api_key(actor=system, owner=owner, name="bot")
        raise ZeroDivisionError
    assert find_usable_key(made.text) is None
    assert not AuditLog.objects.filter(action="api_key.created").exists()
