"""The second factor in the admin: the second step of a log-in, one's own page, what opens without it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import get_resolver

from accounts.admin.second_factor import HALF, qr_path
from accounts.models import SecondFactor, User
from accounts.second_factor_codes import code_of_step, step_at
from accounts.second_factor_state import has_second_factor, recovery_codes_left
from tests.factories import UserFactory
from tests.second_factors import App, set_up
from tradingsite.core import clock

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"
LOGIN, CODE, PAGE = "/admin/login/", "/admin/login/code/", "/admin/second-factor/"


@pytest.fixture
def person(db: None) -> User:
    """A trader with a password."""
    return UserFactory.create(username="person", role="trader", password=make_password(PASSWORD))


@pytest.fixture
def app(person: User) -> App:
    return set_up(person)


def give_password(browser: Client, *, after: str = "") -> Any:
    return browser.post(f"{LOGIN}{after}", {"username": "person", "password": PASSWORD})


def is_in(browser: Client) -> bool:
    return browser.get("/admin/").status_code == 200


# The second step


def test_without_a_second_factor_the_password_is_enough(person: User, client: Client) -> None:
    assert give_password(client).headers["Location"] == "/admin/"
    assert is_in(client)


def test_with_one_the_password_opens_the_page_for_the_code_only(app: App, client: Client) -> None:
    assert give_password(client).headers["Location"] == CODE
    page = client.get(CODE)
    assert page.status_code == 200
    text = page.content.decode()
    assert 'autocomplete="one-time-code"' in text
    assert 'inputmode="numeric"' in text
    assert "no-store" in page.headers["Cache-Control"]
    assert "_auth_user_id" not in client.session
    for path in ("/admin/", PAGE, "/admin/password_change/", "/admin/accounts/user/"):
        assert client.get(path).headers["Location"].startswith(LOGIN)


def test_the_code_completes_the_log_in_and_leads_to_where_one_wanted_to_go(app: App, client: Client) -> None:
    give_password(client, after="?next=/admin/portfolio/watchlist/")
    assert client.post(CODE, {"code": app.code}).headers["Location"] == "/admin/portfolio/watchlist/"
    assert is_in(client)
    assert HALF not in client.session


def test_nobody_is_led_to_another_site(app: App, client: Client) -> None:
    give_password(client, after="?next=https://elsewhere.example.com/")
    assert client.post(CODE, {"code": app.code}).headers["Location"] == "/admin/"


def test_a_recovery_code_completes_it_too(app: App, client: Client) -> None:
    give_password(client)
    text = client.get(f"{CODE}?recovery").content.decode()
    assert 'inputmode="text"' in text
    client.post(f"{CODE}?recovery", {"code": app.recovery_codes[0].upper()})
    assert is_in(client)
    assert recovery_codes_left(app.user) == 9


def test_each_step_makes_a_session_of_another_name(app: App, client: Client) -> None:
    client.get(LOGIN)
    client.session["planted"] = True
    names = [client.session.session_key]
    give_password(client)
    names.append(client.session.session_key)
    assert "planted" not in client.session
    client.post(CODE, {"code": app.code})
    names.append(client.session.session_key)
    assert len(set(names)) == 3


def test_a_half_log_in_in_the_session_of_somebody_else_ends_theirs(
    app: App, other_user: User, browser_of: Callable[[User], Client]
) -> None:
    browser = browser_of(other_user)
    give_password(browser)
    assert not is_in(browser)


@pytest.mark.parametrize("method", ["get", "post"])
def test_without_the_password_there_is_no_second_step(app: App, client: Client, method: str) -> None:
    response = getattr(client, method)(CODE, {"code": app.code})
    assert response.headers["Location"] == LOGIN
    assert not is_in(client)


def test_a_half_log_in_lasts_ten_minutes(app: App, client: Client) -> None:
    with time_machine.travel("2027-03-01T12:00:00Z", tick=False) as time:
        give_password(client)
        time.shift(601)
        assert client.post(CODE, {"code": app.code}).headers["Location"] == LOGIN
        assert not is_in(client)


def test_a_half_log_in_ends_with_the_password_and_with_the_account(app: App, client: Client) -> None:
    for change in ({"password": make_password("another one, quite long")}, {"is_active": False}):
        User.objects.filter(pk=app.user.pk).update(password=make_password(PASSWORD), is_active=True)
        give_password(client)
        assert client.get(CODE).status_code == 200
        User.objects.filter(pk=app.user.pk).update(**change)
        assert client.post(CODE, {"code": app.code}).headers["Location"] == LOGIN
        assert not is_in(client)


def test_a_wrong_code_lets_nobody_in_and_after_five_one_begins_again(app: App, client: Client) -> None:
    give_password(client)
    for _ in range(4):
        response = client.post(CODE, {"code": app.wrong_code})
        assert response.status_code == 200
        assert "used already" in response.content.decode()
        assert not is_in(client)
    assert client.post(CODE, {"code": app.wrong_code}).headers["Location"] == LOGIN
    assert client.get(CODE).headers["Location"] == LOGIN


@pytest.mark.parametrize("code", ["", " ", "1" * 65, "\x01\x02", "<script>alert(1)</script>", "١٢٣٤٥٦"])
def test_whatever_is_typed_the_page_comes_back(app: App, client: Client, code: str) -> None:
    give_password(client)
    response = client.post(CODE, {"code": code})
    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode()
    assert not is_in(client)


def test_the_code_needs_the_forms_token(app: App) -> None:
    browser = Client(enforce_csrf_checks=True)
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', browser.get(LOGIN).content.decode())
    assert token is not None
    answer = browser.post(LOGIN, {"username": "person", "password": PASSWORD, "csrfmiddlewaretoken": token.group(1)})
    assert answer.headers["Location"] == CODE
    assert browser.post(CODE, {"code": app.code}).status_code == 403
    assert not is_in(browser)


# One's own page


def test_it_is_set_up_confirmed_and_its_codes_are_shown_once(owner: User, browser_of: Callable[[User], Client]) -> None:
    browser = browser_of(owner)
    assert "Set it up" in browser.get(PAGE).content.decode()
    assert browser.post(PAGE, {"action": "begin"}).status_code == 302
    text = browser.get(PAGE).content.decode()
    secret = re.search(r'id="secret" value="([A-Z2-7]{32})"', text)
    assert secret is not None
    assert "<svg" in text
    wrong = App(owner, secret.group(1), []).wrong_code
    assert "not the code" in browser.post(PAGE, {"action": "confirm", "code": wrong}).content.decode()
    code = code_of_step(secret.group(1), step_at(clock.now()))
    done = browser.post(PAGE, {"action": "confirm", "code": code})
    codes = re.findall(r"\b(?:[a-z2-7]{4}-){3}[a-z2-7]{4}\b", done.content.decode())
    assert len(set(codes)) == 10
    assert "no-store" in done.headers["Cache-Control"]
    again = browser.get(PAGE).content.decode()
    assert "10 recovery codes are left" in again
    assert secret.group(1) not in again
    assert not any(code in again for code in codes)


def test_recovery_codes_are_renewed_and_it_is_removed_with_a_code(
    owner: User, browser_of: Callable[[User], Client]
) -> None:
    app, browser = set_up(owner), browser_of(owner)
    for action in ("renew", "remove"):
        assert "used already" in browser.post(PAGE, {"action": action, "code": app.wrong_code}).content.decode()
    text = browser.post(PAGE, {"action": "renew", "code": app.code}).content.decode()
    assert app.recovery_codes[0] not in text
    assert len(set(re.findall(r"\b(?:[a-z2-7]{4}-){3}[a-z2-7]{4}\b", text))) == 10
    browser.post(PAGE, {"action": "remove", "code": app.code})
    assert not has_second_factor(owner)


@pytest.mark.parametrize("is_on", [False, True])
def test_whatever_is_sent_the_page_answers(owner: User, browser_of: Callable[[User], Client], is_on: bool) -> None:
    if is_on:
        set_up(owner)
    browser = browser_of(owner)
    codes = (None, "", "1" * 100_000, "١٢٣٤٥٦", "abcd-efgh-2345-wxyz", "<script>alert(1)</script>")
    for action in ("", "begin", "confirm", "renew", "remove", "nonsense", "\x01"):
        for code in codes:
            response = browser.post(PAGE, {"action": action} | ({} if code is None else {"code": code}))
            assert response.status_code in (200, 302, 400)
            assert "<script>alert" not in response.content.decode()
    assert has_second_factor(owner) is is_on


def test_the_page_is_nobodys_without_a_log_in(client: Client) -> None:
    assert client.get(PAGE).headers["Location"].startswith(LOGIN)
    assert client.post(PAGE, {"action": "begin"}).headers["Location"].startswith(LOGIN)
    assert not SecondFactor.objects.exists()


def test_the_page_stands_in_the_menu(owner: User, browser_of: Callable[[User], Client]) -> None:
    assert f'href="{PAGE}"' in browser_of(owner).get("/admin/").content.decode()


def test_the_drawing_is_the_code_with_its_quiet_zone() -> None:
    drawing = qr_path("otpauth://totp/x")
    assert drawing["path"].startswith("M4 4h1v1h-1z")
    assert set(drawing["path"]) <= set("Mhvz-0123456789 ")
    assert (drawing["width"] - 8 - 21) % 4 == 0


# Where it is demanded


def admin_paths() -> list[str]:
    """Every path of the admin that takes no argument, and some that do."""
    found = set()

    def walk(patterns: Any, prefix: str) -> None:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                walk(pattern.url_patterns, route)
            else:
                found.add("/" + re.sub(r"<[^>]+>", "1", route.replace("^", "").replace("$", "")))

    walk([pattern for pattern in get_resolver().url_patterns if str(pattern.pattern) == "admin/"], "")
    return sorted(found)


def test_who_must_have_one_and_has_none_can_only_set_it_up(
    owner: User, browser_of: Callable[[User], Client], settings: Any
) -> None:
    settings.TOTP_REQUIRED = "everybody"
    browser = browser_of(owner)
    opened = set()
    paths = admin_paths()
    assert len(paths) > 40
    for path in paths:
        for method in ("get", "post"):
            if path == "/admin/logout/":
                continue
            response = getattr(browser, method)(path)
            if response.headers.get("Location") != PAGE:
                opened.add(path)
    # Their own page; the catalogue of words for scripts; the doors.
    assert opened <= {PAGE, "/admin/jsi18n/", LOGIN, CODE, *public_paths()}
    assert "demands a second factor" in browser.get(PAGE).content.decode()
    set_up(owner)
    assert is_in(browser)


def public_paths() -> set[str]:
    """What opens for people who are not logged in at all, and so for these too."""
    return {path for path in admin_paths() if not Client().get(path).headers.get("Location", "").startswith(LOGIN)}


def test_who_must_have_one_can_log_out(owner: User, browser_of: Callable[[User], Client], settings: Any) -> None:
    settings.TOTP_REQUIRED = "everybody"
    browser = browser_of(owner)
    browser.post("/admin/logout/")
    assert "_auth_user_id" not in browser.session


def test_of_staff_only_it_is_demanded_of_staff_only(
    owner: User, staff: User, browser_of: Callable[[User], Client], settings: Any
) -> None:
    settings.TOTP_REQUIRED = "staff"
    assert is_in(browser_of(owner))
    assert not is_in(browser_of(staff))


# Resetting somebody's


def reset_page(user: User) -> str:
    return f"/admin/accounts/user/{user.pk}/reset-factor/"


def test_staff_see_whether_somebody_has_one_and_reset_it(
    app: App, staff: User, browser_of: Callable[[User], Client]
) -> None:
    browser = browser_of(staff)
    page = f"/admin/accounts/user/{app.user.pk}/change/"
    assert "Reset second factor" in browser.get(page).content.decode()
    assert browser.get(f"{page.removesuffix('change/')}factor").headers["Location"] == reset_page(app.user)
    assert "log-ins ask for a code" in browser.get(reset_page(app.user)).content.decode()
    assert has_second_factor(app.user)
    answer = browser.post(reset_page(app.user), follow=True)
    assert "second factor of person is off" in answer.content.decode()
    assert not has_second_factor(app.user)


def test_nobody_else_resets_it(app: App, staff: User, other_user: User, browser_of: Callable[[User], Client]) -> None:
    for user, status in ((other_user, {403, 404}), (app.user, {403, 404})):
        browser = browser_of(user)
        assert browser.post(reset_page(app.user)).status_code in status
        assert browser.get(reset_page(app.user)).status_code in status
    assert has_second_factor(app.user)


def test_staff_do_not_reset_their_own_or_that_of_a_superuser(staff: User, browser_of: Callable[[User], Client]) -> None:
    boss = UserFactory.create(is_superuser=True)
    for person in (staff, boss):
        set_up(person)
        answer = browser_of(staff).post(reset_page(person))
        assert answer.status_code in (200, 403)
        assert has_second_factor(person)


def test_a_missing_user_has_none(staff: User, browser_of: Callable[[User], Client]) -> None:
    assert browser_of(staff).post("/admin/accounts/user/987654321/reset-factor/").status_code == 404
