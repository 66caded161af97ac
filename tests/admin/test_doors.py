"""The pages for who is not logged in, and one's own settings in the admin."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import Registration, User, UserSettings
from tests.accounts.mails import Mailbox, mailbox  # noqa: F401  # a fixture
from tests.factories import LoginSessionFactory, PortfolioFactory, UserFactory
from tradingsite.core.rates import Rate

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough passphrase"
FORM = {"username": "ann", "email": "ann@example.com", "password": PASSWORD, "again": PASSWORD}


@pytest.fixture(autouse=True)
def open_registration(settings: Any) -> None:
    settings.REGISTRATION = "open"


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def test_one_registers_confirms_and_logs_in(client: Client, mailbox: Mailbox) -> None:  # noqa: F811
    assert "/admin/register/" in text(client.get("/admin/login/"))
    with mailbox.open():
        assert client.post("/admin/register/", FORM)["Location"] == "/admin/login/"
    page = client.get(f"/admin/register/confirm/?token={mailbox.token}")
    assert mailbox.token in text(page)
    assert not User.objects.exists(), "a program that follows links confirms nothing"
    assert client.post("/admin/register/confirm/", {"token": mailbox.token}).status_code == 302
    assert client.post("/admin/login/", {"username": "ann", "password": PASSWORD}).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_two_passwords_that_differ_are_refused(client: Client) -> None:
    assert "not the same" in text(client.post("/admin/register/", {**FORM, "again": "x"}))
    assert not Registration.objects.exists()


@pytest.mark.parametrize(
    ("page", "mode"), [("register", "invite"), ("register/confirm", "closed"), ("invitation", "closed")]
)
def test_a_closed_door_says_so_and_is_not_linked(client: Client, settings: Any, page: str, mode: str) -> None:
    settings.REGISTRATION = mode
    assert client.get(f"/admin/{page}/").status_code == 403
    assert client.post(f"/admin/{page}/", {**FORM, "token": "x"}).status_code == 403
    assert "/admin/register/" not in text(client.get("/admin/login/"))


def test_a_forgotten_password_is_replaced(client: Client, mailbox: Mailbox) -> None:  # noqa: F811
    user = UserFactory.create(username="ann", role="viewer")
    user.set_password("the password before")
    user.save()
    assert "/admin/password_reset/" in text(client.get("/admin/login/"))
    with mailbox.open():
        client.post("/admin/password_reset/", {"email": "ann@example.com"})
    form = {"token": mailbox.token, "new_password": PASSWORD, "again": PASSWORD}
    assert client.post("/admin/password_reset/confirm/", form).status_code == 302
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert "not good any more" in text(client.post("/admin/password_reset/confirm/", form))


def test_known_and_unknown_get_the_same_page(mailbox: Mailbox) -> None:  # noqa: F811
    user = UserFactory.create(username="ann")
    user.set_password(PASSWORD)
    user.save()
    with mailbox.open():
        answers = [
            Client().post("/admin/password_reset/", {"email": f"{name}@example.com"}, follow=True)
            for name in ("ann", "nobody")
        ]
    known, unknown = [re.sub(r'value="[A-Za-z0-9]{64}"', "", text(answer)) for answer in answers]
    assert known == unknown


def test_the_doors_are_behind_csrf_and_the_limit_for_strangers(settings: Any) -> None:
    assert Client(enforce_csrf_checks=True).post("/admin/register/", FORM).status_code == 403
    cache.clear()
    settings.THROTTLE_ANON = Rate(1, 60)
    answers = [Client().post("/admin/password_reset/", {"email": "x@example.com"}).status_code for _ in range(2)]
    assert answers == [302, 429]


def test_without_its_token_a_page_has_no_form(client: Client) -> None:
    for page in ("register/confirm", "invitation", "password_reset/confirm"):
        assert 'id="door-form"' not in text(client.get(f"/admin/{page}/"))


def test_a_script_in_a_token_is_only_text(client: Client) -> None:
    page = text(client.get("/admin/register/confirm/?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"))
    assert "<script>alert" not in page


def settings_form(**values: Any) -> dict[str, Any]:
    return {"time_zone": "America/New_York", "theme": "dark", "notifications": ["daily_summary"], **values}


def test_settings_are_saved_and_used_in_the_admin(client: Client, owner: User) -> None:
    portfolio = PortfolioFactory.create(owner=owner)
    client.force_login(owner)
    assert client.post("/admin/my-settings/", settings_form(default_portfolio=portfolio.pk)).status_code == 302
    mine = UserSettings.objects.get(user=owner)
    assert (mine.time_zone, mine.theme, mine.default_portfolio) == ("America/New_York", "dark", portfolio)
    assert mine.notifications == {"daily_summary": True, "idea_waiting": False, "key_expiry": False, "risk_halt": False}
    page = client.get(f"/admin/portfolio/portfolio/{portfolio.pk}/change/")
    assert 'class="dark"' in text(page)
    local = portfolio.created_at.astimezone(ZoneInfo("America/New_York"))
    assert f"{local:%Y-%m-%d %H:%M}" in text(page)


def test_a_foreign_portfolio_is_no_choice(client: Client, owner: User) -> None:
    foreign = PortfolioFactory.create(name="zz-foreign")
    client.force_login(owner)
    assert "zz-foreign" not in text(client.get("/admin/my-settings/"))
    assert client.post("/admin/my-settings/", settings_form(default_portfolio=foreign.pk)).status_code == 200
    assert not UserSettings.objects.filter(user=owner, default_portfolio=foreign).exists()


def test_a_zone_that_this_machine_forgot_is_utc(client: Client, owner: User) -> None:
    UserSettings.objects.create(user=owner, time_zone="Mars/Base")
    client.force_login(owner)
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/my-settings/").status_code == 200


def test_staff_invite_and_take_back(client: Client, staff: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    settings.REGISTRATION = "invite"
    client.force_login(staff)
    page = client.post("/admin/accounts/invitation/add/", {"email": "ann@example.com", "roles": ["trader"]})
    found = re.search(r"/admin/invitation/\?token=([\w-]+)", text(page))
    assert found is not None
    assert "no-store" in page["Cache-Control"]
    invitation = staff.invitations.get()
    assert found[1] not in text(client.get(f"/admin/accounts/invitation/{invitation.pk}/change/"))
    client.get(f"/admin/accounts/invitation/{invitation.pk}/end/")
    invitation.refresh_from_db()
    assert invitation.revoked_at is None
    client.post(f"/admin/accounts/invitation/{invitation.pk}/end/")
    invitation.refresh_from_db()
    assert invitation.revoked_at is not None


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-03-08", "1800-01-01"])
def test_no_day_in_no_zone_breaks_a_page(client: Client, staff: User, zone: str, day: str) -> None:
    UserSettings.objects.create(user=staff, time_zone=zone)
    client.force_login(staff)
    for time in ("00:00:00", "02:30:00", "23:59:59"):
        form = {"name": f"key {time}", "owner": staff.pk, "expires_at_0": day, "expires_at_1": time}
        assert client.post("/admin/accounts/apikey/add/", form).status_code == 200
    for end in ("from", "to"):
        assert client.get(f"/admin/accounts/apikey/?created_at_{end}={day}").status_code == 200
    assert client.get("/admin/accounts/apikey/").status_code == 200


def test_one_sees_and_ends_ones_own_log_ins_whatever_the_role(client: Client) -> None:
    viewer = UserFactory.create(role="viewer")
    login, foreign = LoginSessionFactory.create(user=viewer), LoginSessionFactory.create(user_agent="zz-foreign")
    client.force_login(viewer)
    page = "/admin/accounts/loginsession"
    assert f"{page}/" in text(client.get("/admin/"))
    assert "zz-foreign" not in text(client.get(f"{page}/"))
    assert client.get(f"{page}/{login.pk}/end/").status_code == 200
    login.refresh_from_db()
    assert login.ended_at is None, "the page asks first"
    assert client.post(f"{page}/{login.pk}/end/").status_code == 302
    login.refresh_from_db()
    assert login.end_reason == "logout"
    assert client.post(f"{page}/{foreign.pk}/end/").status_code == 404
    foreign.refresh_from_db()
    assert foreign.ended_at is None


def test_staff_end_anybodys_log_in(client: Client, staff: User) -> None:
    login = LoginSessionFactory.create()
    client.force_login(staff)
    assert client.post(f"/admin/accounts/loginsession/{login.pk}/end/").status_code == 302
    login.refresh_from_db()
    assert login.ended_at is not None
