"""The second factor: set up, asked for, guessed at, lost and reset; and where its secrets never are."""

from __future__ import annotations

import base64
import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import connection, transaction

from accounts.errors import CodeNeeded, WrongCode
from accounts.models import LoginSession, RecoveryCode, SecondFactor, User
from accounts.second_factor_codes import code_of_step, recovery_code, step_at
from accounts.second_factor_state import has_second_factor, lacks_second_factor, recovery_codes_left
from accounts.services.second_factor import (
    begin_second_factor,
    confirm_second_factor,
    pending_factor,
    remove_second_factor,
    renew_recovery_codes,
    require_second_factor,
    reset_second_factor,
)
from systemevents.models import AuditLog, SystemEvent
from tests.factories import LoginSessionFactory, UserFactory
from tests.portability.processes import in_processes
from tests.second_factors import App, set_up
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput

pytestmark = pytest.mark.django_db

ActorOf = Callable[[User], Actor]
STEP = dt.timedelta(seconds=30)


@pytest.fixture
def app(owner: User) -> App:
    """The app of the owner, whose second factor is on."""
    return set_up(owner)


def events(kind: str) -> list[SystemEvent]:
    return list(SystemEvent.objects.filter(event_type=kind))


# Setting up


def test_what_is_begun_is_not_asked_for_before_it_is_confirmed(owner: User, actor_of: ActorOf) -> None:
    new = begin_second_factor(actor=actor_of(owner))
    assert new.uri.startswith("otpauth://totp/Trading%20desk:owner?")
    assert new.secret in new.uri
    assert new.secret not in repr(new)
    require_second_factor(user=owner, code="")
    assert not has_second_factor(owner)


def test_a_code_of_the_app_switches_it_on_and_gives_ten_recovery_codes(owner: User, actor_of: ActorOf) -> None:
    secret = begin_second_factor(actor=actor_of(owner)).secret
    code = code_of_step(secret, step_at(clock.now()))
    assert len(set(confirm_second_factor(actor=actor_of(owner), code=code))) == 10
    assert has_second_factor(owner)
    assert recovery_codes_left(owner) == 10
    # The code that confirmed is used up.
    with pytest.raises(WrongCode):
        require_second_factor(user=owner, code=code)


def test_a_wrong_code_switches_nothing_on(owner: User, actor_of: ActorOf) -> None:
    secret = begin_second_factor(actor=actor_of(owner)).secret
    for code in ("", "abc", "1234567", App(owner, secret, []).wrong_code, "abcd-efgh-2345-wxyz"):
        with pytest.raises(InvalidInput) as refused:
            confirm_second_factor(actor=actor_of(owner), code=code)
        assert refused.value.errors[0].field == "code"
    assert not has_second_factor(owner)
    assert recovery_codes_left(owner) == 0


def test_beginning_anew_forgets_the_earlier_secret(owner: User, actor_of: ActorOf) -> None:
    first = begin_second_factor(actor=actor_of(owner)).secret
    second = begin_second_factor(actor=actor_of(owner))
    assert pending_factor(actor=actor_of(owner)) == second
    with pytest.raises(InvalidInput):
        confirm_second_factor(actor=actor_of(owner), code=code_of_step(first, step_at(clock.now())))


def test_nothing_is_confirmed_that_was_not_begun(owner: User, actor_of: ActorOf) -> None:
    with pytest.raises(Conflict):
        confirm_second_factor(actor=actor_of(owner), code="123456")
    assert pending_factor(actor=actor_of(owner)) is None


def test_a_second_factor_that_is_on_is_not_replaced_or_shown(owner: User, app: App, actor_of: ActorOf) -> None:
    with pytest.raises(Conflict):
        begin_second_factor(actor=actor_of(owner))
    with pytest.raises(Conflict):
        confirm_second_factor(actor=actor_of(owner), code=app.code)
    assert pending_factor(actor=actor_of(owner)) is None


def test_an_api_key_touches_none_of_it(owner: User, staff: User, app: App) -> None:
    by_key = Actor.of(staff, front=Front.API, key_id="a" * 16)
    calls: list[Callable[[], Any]] = [
        lambda: begin_second_factor(actor=by_key),
        lambda: pending_factor(actor=by_key),
        lambda: confirm_second_factor(actor=by_key, code=app.code),
        lambda: renew_recovery_codes(actor=by_key, code=app.code),
        lambda: remove_second_factor(actor=by_key, code=app.code),
        lambda: reset_second_factor(actor=by_key, user=owner),
    ]
    for call in calls:
        with pytest.raises(Forbidden):
            call()
    assert has_second_factor(owner)


def test_the_software_itself_has_none(system: Actor) -> None:
    with pytest.raises(Forbidden):
        begin_second_factor(actor=system)


# Logging in


def test_who_has_none_is_let_through_with_any_code(owner: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        require_second_factor(user=owner, code="")
    require_second_factor(user=owner, code="nonsense")


@pytest.mark.parametrize("nothing", ["", "  ", "\t\n"])
def test_without_a_code_it_is_asked_for(owner: User, app: App, nothing: str) -> None:
    with pytest.raises(CodeNeeded) as asked:
        require_second_factor(user=owner, code=nothing)
    assert (asked.value.status, asked.value.code) == (401, "otp_required")


def test_a_code_is_good_once(owner: User, app: App) -> None:
    code = app.code
    require_second_factor(user=owner, code=code)
    with pytest.raises(WrongCode) as refused:
        require_second_factor(user=owner, code=code)
    assert refused.value.status == 401
    require_second_factor(user=owner, code=app.code)


def test_after_a_code_the_ones_before_it_are_good_no_more(owner: User, app: App) -> None:
    with time_machine.travel("2027-03-01T12:00:10Z", tick=False):
        now = step_at(clock.now())
        require_second_factor(user=owner, code=code_of_step(app.secret, now + 1))
        for step in (now - 1, now, now + 1):
            with pytest.raises(WrongCode):
                require_second_factor(user=owner, code=code_of_step(app.secret, step))


def test_somebody_elses_code_opens_nothing(owner: User, other_user: User, app: App) -> None:
    other = set_up(other_user)
    for code in (other.code, other.recovery_codes[0]):
        with pytest.raises(WrongCode):
            require_second_factor(user=owner, code=code)
    assert recovery_codes_left(other_user) == 10


@pytest.mark.parametrize(
    "code", ["12345", "1234567", "١٢٣٤٥٦", "\x00", "\ud800", "1" * 100_000, "abcd-efgh-2345-wxyz", "' OR 1=1 --"]
)
def test_whatever_else_is_typed_is_a_wrong_code(owner: User, app: App, code: str) -> None:
    with pytest.raises(WrongCode):
        require_second_factor(user=owner, code=code)


def test_in_a_transaction_it_refuses_because_the_count_of_wrong_codes_could_be_undone(owner: User, app: App) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        require_second_factor(user=owner, code=app.code)


# Recovery codes


def test_a_recovery_code_is_good_once_and_says_how_many_are_left(owner: User, app: App) -> None:
    require_second_factor(user=owner, code=app.recovery_codes[3])
    assert recovery_codes_left(owner) == 9
    [event] = events("second_factor.recovery_code_used")
    assert event.description == "owner used a recovery code in place of the app; 9 are left."
    with pytest.raises(WrongCode):
        require_second_factor(user=owner, code=app.recovery_codes[3])
    assert len(events("second_factor.recovery_code_used")) == 1


def test_a_recovery_code_is_taken_without_dashes_and_in_capitals(owner: User, app: App) -> None:
    require_second_factor(user=owner, code=app.recovery_codes[0].replace("-", "").upper())
    require_second_factor(user=owner, code=f" {app.recovery_codes[1].replace('-', ' ')} ")


def test_new_recovery_codes_end_the_earlier_ones(owner: User, app: App, actor_of: ActorOf) -> None:
    fresh = renew_recovery_codes(actor=actor_of(owner), code=app.code)
    assert not set(fresh) & set(app.recovery_codes)
    assert recovery_codes_left(owner) == 10
    with pytest.raises(WrongCode):
        require_second_factor(user=owner, code=app.recovery_codes[0])
    require_second_factor(user=owner, code=fresh[0])


def test_a_recovery_code_can_be_the_one_that_renews_them(owner: User, app: App, actor_of: ActorOf) -> None:
    assert len(renew_recovery_codes(actor=actor_of(owner), code=app.recovery_codes[0])) == 10


@pytest.mark.parametrize("code", ["", "123", "abcd-efgh-2345-wxyz"])
def test_without_a_good_code_nothing_is_renewed_or_removed(owner: User, app: App, actor_of: ActorOf, code: str) -> None:
    for service in (renew_recovery_codes, remove_second_factor):
        with pytest.raises(InvalidInput) as refused:
            service(actor=actor_of(owner), code=code)
        assert refused.value.errors[0].code == "otp_wrong"
    assert has_second_factor(owner)
    require_second_factor(user=owner, code=app.recovery_codes[9])


# Guessing


def guess(user: User, app: App, times: int) -> None:
    for _ in range(times):
        with pytest.raises(WrongCode):
            require_second_factor(user=user, code=app.wrong_code)


def test_after_five_wrong_codes_even_the_right_one_is_refused_for_a_while(owner: User, app: App) -> None:
    with time_machine.travel("2027-03-01T12:00:00Z", tick=False) as time:
        guess(owner, app, 5)
        with pytest.raises(WrongCode) as refused:
            require_second_factor(user=owner, code=app.code)
        assert "2027-03-01 12:01:00 UTC" in refused.value.detail
        # Refused ones are not counted: who waits a minute gets in.
        guess(owner, app, 20)
        time.shift(dt.timedelta(seconds=61))
        require_second_factor(user=owner, code=app.code)
        assert SecondFactor.objects.get(user=owner).failures == 0


def test_who_knows_the_password_has_a_few_dozen_guesses_a_month_from_however_many_addresses(
    owner: User, app: App
) -> None:
    taken = 0
    with time_machine.travel("2027-03-01T12:00:00Z", tick=False) as time:
        end = clock.now() + dt.timedelta(days=30)
        while clock.now() < end:
            before = SecondFactor.objects.get(user=owner).failures
            guess(owner, app, 1)
            taken += SecondFactor.objects.get(user=owner).failures - before
            refused_until = SecondFactor.objects.get(user=owner).refused_until
            time.move_to(refused_until if refused_until is not None else clock.now())
    assert 30 < taken < 60


def test_guessing_leaves_a_system_event_once_a_refusal(owner: User, app: App) -> None:
    guess(owner, app, 4)
    assert events("second_factor.guessed") == []
    guess(owner, app, 10)
    [event] = events("second_factor.guessed")
    assert event.severity == "warning"
    assert event.details["user"] == "owner"


def test_a_recovery_code_opens_while_codes_of_the_app_are_refused(owner: User, app: App) -> None:
    guess(owner, app, 6)
    require_second_factor(user=owner, code=app.recovery_codes[0])
    require_second_factor(user=owner, code=app.code)


def test_guesses_by_a_stolen_session_count_too(owner: User, app: App, actor_of: ActorOf) -> None:
    for _ in range(5):
        with pytest.raises(InvalidInput):
            remove_second_factor(actor=actor_of(owner), code=app.wrong_code)
    with pytest.raises(InvalidInput) as refused:
        remove_second_factor(actor=actor_of(owner), code=app.code)
    assert "Too many" in refused.value.detail


# Removing and resetting


def test_removed_it_is_asked_for_no_more(owner: User, app: App, actor_of: ActorOf) -> None:
    remove_second_factor(actor=actor_of(owner), code=app.code)
    require_second_factor(user=owner, code="")
    assert not RecoveryCode.objects.filter(user=owner).exists()
    with pytest.raises(Conflict):
        remove_second_factor(actor=actor_of(owner), code=app.recovery_codes[0])


def test_staff_reset_it_with_a_system_event_and_the_log_ins_end(
    owner: User, staff: User, app: App, actor_of: ActorOf
) -> None:
    login = LoginSessionFactory.create(user=owner)
    epoch = owner.session_epoch
    assert reset_second_factor(actor=actor_of(staff), user=owner) is True
    require_second_factor(user=owner, code="")
    owner.refresh_from_db()
    assert owner.session_epoch == epoch + 1
    assert LoginSession.objects.get(pk=login.pk).end_reason == "factor"
    [event] = events("second_factor.reset")
    assert event.description == "staff reset the second factor of owner."
    assert not RecoveryCode.objects.filter(user=owner).exists()
    assert reset_second_factor(actor=actor_of(staff), user=owner) is False
    assert len(events("second_factor.reset")) == 1


def test_nobody_resets_without_the_right_or_their_own_or_that_of_somebody_above(
    owner: User, other_user: User, staff: User, app: App, actor_of: ActorOf
) -> None:
    with pytest.raises(Forbidden):
        reset_second_factor(actor=actor_of(other_user), user=owner)
    with pytest.raises(Forbidden):
        reset_second_factor(actor=actor_of(owner), user=owner)
    with pytest.raises(Conflict):
        reset_second_factor(actor=actor_of(staff), user=staff)
    boss = UserFactory.create(is_superuser=True)
    set_up(boss)
    with pytest.raises(Forbidden):
        reset_second_factor(actor=actor_of(staff), user=boss)
    assert has_second_factor(owner)
    assert has_second_factor(boss)


def test_the_operator_resets_anybodys(owner: User, app: App, system: Actor) -> None:
    assert reset_second_factor(actor=system, user=owner) is True


# Another SECRET_KEY


def test_under_another_secret_key_nobody_gets_in_until_it_is_reset(
    owner: User, staff: User, app: App, actor_of: ActorOf, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SECRET_KEY = "another secret key, which the operator made because the old one had leaked"
    with pytest.raises(WrongCode) as refused, caplog.at_level(logging.ERROR):
        require_second_factor(user=owner, code=app.code)
    assert "reset it" in refused.value.detail
    assert "SECRET_KEY is another one" in caplog.text
    with pytest.raises(WrongCode):
        require_second_factor(user=owner, code=app.recovery_codes[0])
    reset_second_factor(actor=actor_of(staff), user=owner)
    assert set_up(owner).code


def test_under_an_old_secret_key_that_is_named_as_such_all_goes_on(owner: User, app: App, settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret key, made because it was time to, with the old one kept for a while"
    require_second_factor(user=owner, code=app.code)
    require_second_factor(user=owner, code=app.recovery_codes[0])


def test_what_was_begun_under_another_secret_key_is_begun_anew(owner: User, actor_of: ActorOf, settings: Any) -> None:
    begin_second_factor(actor=actor_of(owner))
    settings.SECRET_KEY = "another secret key, which the operator made because the old one had leaked"
    assert pending_factor(actor=actor_of(owner)) is None
    with pytest.raises(Conflict):
        confirm_second_factor(actor=actor_of(owner), code="123456")
    assert begin_second_factor(actor=actor_of(owner)).secret


def test_one_users_encrypted_secret_is_of_no_use_on_anothers_row(owner: User, other_user: User, app: App) -> None:
    other = set_up(other_user)
    stolen = SecondFactor.objects.get(user=other_user).secret
    SecondFactor.objects.filter(user=owner).update(secret=stolen)
    with pytest.raises(WrongCode):
        require_second_factor(user=owner, code=other.code)


# Secrets


def dump() -> str:
    """Everything in every table, as text."""
    texts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # our own names
            texts += [str(value) for row in cursor.fetchall() for value in row]
    return "\n".join(texts).lower()


def test_nothing_secret_is_in_the_database_or_the_logs(
    owner: User, actor_of: ActorOf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    app = set_up(owner)
    code, wrong = app.code, app.wrong_code
    require_second_factor(user=owner, code=code)
    for failing in (wrong, "abcd-efgh-2345-wxyz"):
        with pytest.raises(WrongCode):
            require_second_factor(user=owner, code=failing)
    require_second_factor(user=owner, code=app.recovery_codes[0])
    app.recovery_codes += renew_recovery_codes(actor=actor_of(owner), code=app.recovery_codes[1])
    # The statements that the ORM logs hold digests and ciphertext, which are looked for too.
    everything = dump() + "\n".join(record.getMessage() for record in caplog.records).lower()
    key = base64.b32decode(app.secret)
    normal = [recovery_code(text) or "" for text in app.recovery_codes]
    for secret in (app.secret.lower(), key.hex(), base64.b64encode(key).decode().lower(), *app.recovery_codes, *normal):
        assert secret not in everything
    factor = SecondFactor.objects.get(user=owner)
    trail = "\n".join(str(value) for row in AuditLog.objects.values_list() for value in row)
    assert factor.secret not in trail
    assert not any(row.digest in trail for row in RecoveryCode.objects.all())


def test_the_trail_tells_what_was_done(owner: User, staff: User, actor_of: ActorOf) -> None:
    app = set_up(owner)
    require_second_factor(user=owner, code=app.recovery_codes[0])
    fresh = renew_recovery_codes(actor=actor_of(owner), code=app.code)
    remove_second_factor(actor=actor_of(owner), code=fresh[0])
    set_up(owner)
    reset_second_factor(actor=actor_of(staff), user=owner)
    actions = [
        action.removeprefix("second_factor.")
        for action in AuditLog.objects.filter(action__startswith="second_factor.")
        .order_by("id")
        .values_list("action", flat=True)
    ]
    assert actions == [
        *("begun", "confirmed", "recovery_code_used", "recovery_codes_renewed"),
        *("recovery_code_used", "removed", "begun", "confirmed", "reset"),
    ]


# Of whom it is demanded


@pytest.mark.parametrize(
    ("demand", "lacking"),
    [("nobody", set()), ("staff", {"staff", "boss", "custom"}), ("everybody", {"staff", "boss", "custom", "owner"})],
)
def test_it_is_demanded_of_whom_the_setting_says(
    owner: User, staff: User, settings: Any, demand: str, lacking: set[str]
) -> None:
    boss = UserFactory.create(username="boss", is_superuser=True)
    custom = UserFactory.create(username="custom")
    custom.user_permissions.add(Permission.objects.get(codename="change_user"))
    settings.TOTP_REQUIRED = demand
    people = [User.objects.get(pk=person.pk) for person in (owner, staff, boss, custom)]
    assert {person.username for person in people if lacks_second_factor(person)} == lacking
    for person in people:
        set_up(person)
    assert not any(lacks_second_factor(person) for person in people)


def test_where_it_is_demanded_of_nobody_that_costs_no_query(
    owner: User, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.TOTP_REQUIRED = "nobody"
    with django_assert_num_queries(0):
        assert not lacks_second_factor(owner)


# Several at once


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_of_several_who_give_the_same_code_at_once_one_gets_in(kind: str, settings: Any) -> None:
    # The processes' own, because they decrypt what is encrypted here.
    settings.SECRET_KEY = ("a secret of the tests " * 3).strip()
    user = UserFactory.create(username="twice")
    app = set_up(user)
    code = code_of_step(app.secret, step_at(clock.now()) + 1) if kind == "app" else app.recovery_codes[0]
    answers = in_processes("log_in_with_code", 4, user.pk, code)
    assert sorted(answers) == [False, False, False, True]


@pytest.mark.django_db(transaction=True)
def test_guesses_made_at_once_are_counted_one_by_one(settings: Any) -> None:
    settings.SECRET_KEY = ("a secret of the tests " * 3).strip()
    user = UserFactory.create(username="guessed")
    app = set_up(user)
    assert in_processes("log_in_with_code", 4, user.pk, app.wrong_code) == [False] * 4
    assert SecondFactor.objects.get(user=user).failures == 4
