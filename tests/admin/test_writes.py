"""Every write goes through a service, leaves its audit row, and shows what the service refuses."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import Role, User
from marketdata.models import DailyBar, IngestBatch, Instrument, IntradayBar
from portfolio.models import Portfolio, PortfolioMember, Watchlist
from systemevents.models import AuditLog
from tests.admin.conftest import path_of
from tests.factories import (
    DailyBarFactory,
    InstrumentFactory,
    IntradayBarFactory,
    PortfolioFactory,
    UserFactory,
    WatchlistFactory,
    WatchlistItemFactory,
)
from trading.models import Signal
from tradingsite.core.actor import Front


def actions(after: int = 0) -> list[str]:
    """What the audit trail has got through the admin since that entry."""
    return list(
        AuditLog.objects.filter(front=Front.ADMIN, pk__gt=after).order_by("pk").values_list("action", flat=True)
    )


def inline(prefix: str, *, initial: int = 0, **rows: Any) -> dict[str, Any]:
    """The hidden fields of an inline, and its rows: inline("items", items0={"symbol": "AAPL"})."""
    fields: dict[str, Any] = {
        f"{prefix}-TOTAL_FORMS": len(rows),
        f"{prefix}-INITIAL_FORMS": initial,
        f"{prefix}-MIN_NUM_FORMS": 0,
        f"{prefix}-MAX_NUM_FORMS": 1000,
    }
    for number, values in enumerate(rows.values()):
        fields |= {f"{prefix}-{number}-{name}": value for name, value in values.items()}
    return fields


def errors_of(response: Any) -> str:
    assert response.status_code == 200, response
    form = response.context_data["adminform"].form
    inlines = [error for formset in response.context_data["inline_admin_formsets"] for error in formset.formset.errors]
    return f"{dict(form.errors)} {inlines}"


# Instruments

INSTRUMENT = {"symbol": "ibm", "asset_class": "equity", "lot_size": "1", "multiplier": "1", "is_active": "on"}


def test_adding_an_instrument_is_audited(analyst_browser: Client) -> None:
    response = analyst_browser.post(path_of(Instrument, "add"), {**INSTRUMENT, "currency": "USD"})
    assert response.status_code == 302
    assert Instrument.objects.get().symbol == "IBM"
    assert actions() == ["instrument.created"]
    assert LogEntry.objects.count() == 1


def test_changing_an_instrument_records_before_and_after(analyst_browser: Client, analyst: User) -> None:
    instrument = InstrumentFactory.create(symbol="IBM", company_name="Old name", exchange="", calendar="", time_zone="")
    values = {**INSTRUMENT, "company_name": "New name", "currency": "USD"}
    response = analyst_browser.post(path_of(Instrument, instrument.pk, "change"), values)
    assert response.status_code == 302
    entry: Any = AuditLog.objects.get(action="instrument.changed")
    assert (entry.before["company_name"], entry.after["company_name"]) == ("Old name", "New name")
    assert (entry.actor, entry.front) == (analyst, Front.ADMIN)
    assert entry.request_id


def test_what_the_service_refuses_stands_at_its_field(analyst_browser: Client) -> None:
    response: Any = analyst_browser.post(path_of(Instrument, "add"), {**INSTRUMENT, "calendar": "NOWHERE"})
    assert "not an exchange calendar" in errors_of(response)
    assert "calendar" in response.context_data["adminform"].form.errors
    assert not Instrument.objects.exists()
    assert actions() == []
    assert not LogEntry.objects.exists()


def test_saving_without_a_change_writes_nothing(analyst_browser: Client) -> None:
    instrument = InstrumentFactory.create(symbol="IBM", company_name="Same", exchange="", calendar="", time_zone="")
    values = {**INSTRUMENT, "company_name": "Same", "currency": "USD"}
    assert analyst_browser.post(path_of(Instrument, instrument.pk, "change"), values).status_code == 302
    assert actions() == []


# Bars

PRICES = {"open": "10", "high": "12", "low": "9", "close": "11.5", "volume": "1000"}


def test_a_daily_bar_is_entered_through_the_ingest_service(analyst_browser: Client) -> None:
    instrument = InstrumentFactory.create(symbol="IBM")
    values = {"instrument": instrument.pk, "date": "2024-01-05", **PRICES}
    response = analyst_browser.post(path_of(DailyBar, "add"), values)
    assert response.status_code == 302, errors_of(response)
    bar = DailyBar.objects.get()
    assert (bar.close, bar.batch) == (Decimal("11.5"), IngestBatch.objects.get())
    assert actions()


def test_a_corrected_bar_keeps_what_it_was_in_the_trail(analyst_browser: Client) -> None:
    bar = DailyBarFactory.create(date=dt.date(2024, 1, 5), **{name: Decimal(text) for name, text in PRICES.items()})
    response = analyst_browser.post(path_of(DailyBar, bar.pk, "change"), {**PRICES, "close": "10.25"})
    assert response.status_code == 302, errors_of(response)
    bar.refresh_from_db()
    assert bar.close == Decimal("10.25")
    entry: Any = AuditLog.objects.get(action="bar.corrected")
    assert (entry.before, entry.after) == ({"close": "11.50000000"}, {"close": "10.25000000"})


def test_an_intraday_bar_is_entered_and_corrected(analyst_browser: Client) -> None:
    instrument = InstrumentFactory.create(symbol="IBM")
    key = {"instrument": instrument.pk, "timeframe": "1m", "timestamp_0": "2024-01-05", "timestamp_1": "14:30:00"}
    response = analyst_browser.post(path_of(IntradayBar, "add"), {**key, **PRICES, "trade_count": "7"})
    assert response.status_code == 302, errors_of(response)
    bar = IntradayBar.objects.get()
    assert (bar.timestamp, bar.trade_count) == (dt.datetime(2024, 1, 5, 14, 30, tzinfo=dt.UTC), 7)
    response = analyst_browser.post(path_of(IntradayBar, bar.pk, "change"), {**PRICES, "trade_count": "8"})
    assert response.status_code == 302, errors_of(response)
    bar.refresh_from_db()
    assert bar.trade_count == 8


@pytest.mark.parametrize("wrong", [{"high": "9.5"}, {"low": "13"}, {"close": "-1"}, {"volume": "-5"}, {"volume": ""}])
def test_a_bar_that_can_not_be_is_refused(analyst_browser: Client, wrong: dict[str, str]) -> None:
    bar = DailyBarFactory.create(date=dt.date(2024, 1, 5), **{name: Decimal(text) for name, text in PRICES.items()})
    before = actions()
    response = analyst_browser.post(path_of(DailyBar, bar.pk, "change"), {**PRICES, **wrong})
    assert "[" in errors_of(response)
    assert "Constraint" not in errors_of(response)
    bar.refresh_from_db()
    assert bar.close == Decimal("11.5")
    assert actions() == before
    assert not IngestBatch.objects.exists()


def test_a_second_bar_of_the_same_day_is_refused(analyst_browser: Client) -> None:
    bar = DailyBarFactory.create(date=dt.date(2024, 1, 5))
    values = {"instrument": bar.instrument_id, "date": "2024-01-05", **PRICES}
    assert "already" in errors_of(analyst_browser.post(path_of(DailyBar, "add"), values)).lower()


def test_the_key_of_a_bar_does_not_change(analyst_browser: Client) -> None:
    bar = IntradayBarFactory.create()
    other = InstrumentFactory.create()
    values = {**PRICES, "low": "9.5", "instrument": other.pk, "timeframe": "5m"}
    analyst_browser.post(path_of(IntradayBar, bar.pk, "change"), values)
    bar.refresh_from_db()
    assert bar.instrument_id != other.pk
    assert bar.timeframe == "1m"


# Portfolios and their members

PORTFOLIO = {"name": "Growth", "kind": "paper", "base_currency": "USD", "cost_method": "average", "calendar": "XNYS"}


def test_a_portfolio_belongs_to_who_makes_it(owner: User, owner_browser: Client, other_user: User) -> None:
    response = owner_browser.post(path_of(Portfolio, "add"), {**PORTFOLIO, "owner": other_user.pk})
    assert response.status_code == 302, errors_of(response)
    assert Portfolio.objects.get().owner == owner
    assert actions() == ["portfolio.created"]


def test_two_portfolios_of_one_name_are_refused_in_the_form(owner: User, owner_browser: Client) -> None:
    PortfolioFactory.create(owner=owner, name="growth ")
    response = owner_browser.post(path_of(Portfolio, "add"), PORTFOLIO)
    assert "already a portfolio" in errors_of(response)
    assert Portfolio.objects.count() == 1


def test_sharing_changing_and_ending_a_membership(owner: User, owner_browser: Client, other_user: User) -> None:
    portfolio = PortfolioFactory.create(owner=owner, name="Growth")
    page = path_of(Portfolio, portfolio.pk, "change")
    start = inline("members", row={"username": "Other ", "grant": "view"})
    response = owner_browser.post(page, {"name": "Growth", "cost_method": "average", **start})
    assert response.status_code == 302, errors_of(response)
    member = PortfolioMember.objects.get()
    assert (member.user, member.grant) == (other_user, "view")
    row = {"id": member.pk, "portfolio": portfolio.pk, "username": "other", "grant": "trade"}
    owner_browser.post(page, {"name": "Growth", "cost_method": "average", **inline("members", initial=1, row=row)})
    member.refresh_from_db()
    assert member.grant == "trade"
    row["DELETE"] = "on"
    owner_browser.post(page, {"name": "Growth", "cost_method": "average", **inline("members", initial=1, row=row)})
    assert not PortfolioMember.objects.exists()
    assert actions() == ["portfolio.shared", "portfolio.shared", "portfolio.unshared"]


@pytest.mark.parametrize("username", ["nobody-here", "owner-himself"])
def test_a_member_must_be_somebody_else_who_exists(db: None, browser_of: Any, username: str) -> None:
    owner = UserFactory.create(username="owner-himself", role="trader")
    portfolio = PortfolioFactory.create(owner=owner, name="Growth")
    values = {"name": "Growth", "cost_method": "average"}
    values |= inline("members", row={"username": username, "grant": "view"})
    response = browser_of(owner).post(path_of(Portfolio, portfolio.pk, "change"), values)
    assert "user named" in errors_of(response) or "everything" in errors_of(response)
    assert not PortfolioMember.objects.exists()
    assert actions() == []


# Watchlists


def test_a_watchlist_is_made_filled_renamed_and_deleted(owner: User, owner_browser: Client) -> None:
    InstrumentFactory.create(symbol="AAPL")
    InstrumentFactory.create(symbol="MSFT")
    rows = inline("items", a={"symbol": "aapl"}, b={"symbol": "MSFT"})
    response = owner_browser.post(path_of(Watchlist, "add"), {"name": "Tech", **rows})
    assert response.status_code == 302, errors_of(response)
    watchlist = Watchlist.objects.get()
    assert watchlist.owner == owner
    items = list(watchlist.items.order_by("symbol"))
    assert [item.symbol for item in items] == ["AAPL", "MSFT"]
    rows = inline("items", initial=1, a={"id": items[0].pk, "watchlist": watchlist.pk, "DELETE": "on"})
    response = owner_browser.post(path_of(Watchlist, watchlist.pk, "change"), {"name": "Big tech", **rows})
    assert response.status_code == 302, errors_of(response)
    assert list(watchlist.items.values_list("symbol", flat=True)) == ["MSFT"]
    assert owner_browser.post(path_of(Watchlist, watchlist.pk, "delete"), {"post": "yes"}).status_code == 302
    assert not Watchlist.objects.exists()
    assert actions() == [
        "watchlist.created",
        "watchlist.symbol_added",
        "watchlist.symbol_added",
        "watchlist.renamed",
        "watchlist.symbol_removed",
        "watchlist.deleted",
    ]


def test_an_unknown_symbol_is_refused_and_nothing_is_kept(owner_browser: Client) -> None:
    rows = inline("items", a={"symbol": "NOSUCH"})
    response = owner_browser.post(path_of(Watchlist, "add"), {"name": "Tech", **rows})
    assert "No instrument has the symbol NOSUCH" in errors_of(response)
    assert not Watchlist.objects.exists()
    assert actions() == []
    assert not LogEntry.objects.exists()


def test_an_item_of_another_list_is_not_taken_off(owner: User, owner_browser: Client, other_user: User) -> None:
    own = WatchlistFactory.create(owner=owner, name="Mine")
    foreign = WatchlistItemFactory.create(watchlist=WatchlistFactory.create(owner=other_user))
    rows = inline("items", initial=1, a={"id": foreign.pk, "watchlist": own.pk, "DELETE": "on"})
    owner_browser.post(path_of(Watchlist, own.pk, "change"), {"name": "Mine", **rows})
    foreign.refresh_from_db()


# Signals


def test_a_signal_is_recorded_as_the_actors_own(analyst: User, analyst_browser: Client) -> None:
    InstrumentFactory.create(symbol="AAPL")
    values = {"symbol": "aapl", "date": "2024-01-05", "timeframe": "1d", "signal_type": "BUY", "confidence": "62.5"}
    values |= {"entry_price": "10.5", "reasons": "Breakout\n\nVolume "}
    response = analyst_browser.post(path_of(Signal, "add"), values)
    assert response.status_code == 302, errors_of(response)
    signal = Signal.objects.get()
    assert (signal.owner, signal.symbol, signal.reasons) == (analyst, "AAPL", ["Breakout", "Volume"])
    assert (signal.entry_price, signal.stop_loss) == (Decimal("10.5"), None)
    assert actions() == ["signal.recorded"]


def test_nothing_is_chosen_where_a_signal_must_be(analyst_browser: Client) -> None:
    assert '<option value="BUY" selected' not in analyst_browser.get(path_of(Signal, "add")).content.decode()


# People


NEW_USER = {"username": "nora", "email": "", "password1": "a long password 1", "password2": "a long password 1"}


def test_a_user_is_made_with_roles_and_a_password(staff_browser: Client) -> None:
    values = {**NEW_USER, "first_name": "Nora", "roles": [Role.objects.get(name="trader").pk]}
    response = staff_browser.post(path_of(User, "add"), values)
    assert response.status_code == 302, errors_of(response)
    user = User.objects.get(username="nora")
    assert user.check_password("a long password 1")
    assert user.first_name == "Nora"
    assert [role.name for role in user.groups.all()] == ["trader"]
    assert {"user.created", "user.roles_set"} <= set(actions())
    assert "a long password 1" not in str(list(AuditLog.objects.values_list("before", "after")))


@pytest.mark.parametrize("password", ["short", "password12345", "1234567890123"])
def test_a_weak_password_is_refused(staff_browser: Client, password: str) -> None:
    response = staff_browser.post(path_of(User, "add"), {**NEW_USER, "password1": password, "password2": password})
    assert "password" in errors_of(response)
    assert not User.objects.filter(username="nora").exists()


def test_a_user_is_deactivated_not_deleted(staff_browser: Client, owner: User) -> None:
    role = Role.objects.get(name="trader")
    values = {"username": owner.username, "email": owner.email, "roles": [role.pk]}
    response = staff_browser.post(path_of(User, owner.pk, "change"), values)
    assert response.status_code == 302, errors_of(response)
    owner.refresh_from_db()
    assert not owner.is_active
    assert actions() == ["user.changed"]
    assert staff_browser.post(path_of(User, owner.pk, "delete"), {"post": "yes"}).status_code == 403


def test_nobody_shuts_themselves_out(staff: User, staff_browser: Client) -> None:
    values = {"username": staff.username, "email": staff.email, "roles": [staff.groups.get().pk]}
    assert "own access" in errors_of(staff_browser.post(path_of(User, staff.pk, "change"), values))


def test_only_superusers_make_superusers(staff_browser: Client, owner: User) -> None:
    values = {"username": owner.username, "email": owner.email, "is_active": "on", "is_superuser": "on"}
    values["roles"] = [owner.groups.get().pk]
    staff_browser.post(path_of(User, owner.pk, "change"), values)
    owner.refresh_from_db()
    assert not owner.is_superuser


def test_a_superuser_is_out_of_an_administrators_reach(staff_browser: Client) -> None:
    boss = UserFactory.create(username="boss", is_superuser=True)
    values = {"username": "boss", "email": "taken@over.example", "is_active": "on"}
    assert "rights that you do not have" in errors_of(staff_browser.post(path_of(User, boss.pk, "change"), values))
    passwords = {"password1": "a long password 1", "password2": "a long password 1"}
    response = staff_browser.post(path_of(User, boss.pk, "password"), passwords)
    assert response.status_code == 200
    boss.refresh_from_db()
    assert boss.email == "boss@example.com"
    assert not boss.check_password("a long password 1")


def test_nobody_grants_rights_that_they_lack(db: None, browser_of: Any, owner: User) -> None:
    clerk_role = Role.objects.create(name="clerk")
    names = ["view_user", "change_user", "add_user"]
    clerk_role.permissions.set(Permission.objects.filter(codename__in=[*names, "view_all"]))
    clerk = UserFactory.create(username="clerk", role="clerk")
    target = UserFactory.create(username="target")
    values = {
        "username": "target",
        "email": target.email,
        "is_active": "on",
        "roles": [Role.objects.get(name="admin").pk],
    }
    assert "rights that you do not have" in errors_of(
        browser_of(clerk).post(path_of(User, target.pk, "change"), values)
    )
    assert not target.groups.exists()


def test_a_password_is_set_by_staff_and_audited(staff_browser: Client, owner: User) -> None:
    passwords = {"password1": "a long password 1", "password2": "a long password 1"}
    assert staff_browser.get(path_of(User, owner.pk, "password")).status_code == 200
    response = staff_browser.post(path_of(User, owner.pk, "password"), passwords)
    assert response.status_code == 302
    owner.refresh_from_db()
    assert owner.check_password("a long password 1")
    assert actions() == ["user.password_set"]


def test_ones_own_password_changes_through_the_service(owner: User, browser_of: Any) -> None:
    owner.set_password("the old password 1")
    owner.save()
    browser = browser_of(owner)
    values = {"old_password": "the old password 1", "new_password1": "a long password 1"}
    response = browser.post("/admin/password_change/", {**values, "new_password2": "a long password 1"})
    assert response.status_code == 302, response.context_data["form"].errors
    owner.refresh_from_db()
    assert owner.check_password("a long password 1")
    assert actions() == ["user.password_set"]
    assert browser.get("/admin/").status_code == 200  # still logged in


# Roles


def test_a_custom_role_is_made_and_changed(staff_browser: Client) -> None:
    rights = Permission.objects.filter(codename__in=["view_signal", "view_watchlist"])
    response = staff_browser.post(path_of(Role, "add"), {"name": "Reader", "rights": [right.pk for right in rights]})
    assert response.status_code == 302, errors_of(response)
    role = Role.objects.get(name="Reader")
    assert role.permissions.count() == 2
    response = staff_browser.post(path_of(Role, role.pk, "change"), {"name": "Reader", "rights": [rights[0].pk]})
    assert response.status_code == 302, errors_of(response)
    assert role.permissions.count() == 1
    assert actions() == ["role.created", "role.changed"]


def test_a_built_in_role_is_for_looking_only(staff_browser: Client) -> None:
    role = Role.objects.get(name="trader")
    page = staff_browser.get(path_of(Role, role.pk, "change"))
    assert "Built in" in page.content.decode()
    before = role.permissions.count()
    assert staff_browser.post(path_of(Role, role.pk, "change"), {"name": "trader"}).status_code == 403
    assert role.permissions.count() == before


def test_a_role_gets_no_rights_that_its_maker_lacks(db: None, browser_of: Any) -> None:
    clerk_role = Role.objects.create(name="clerk")
    clerk_role.permissions.set(Permission.objects.filter(codename__in=["view_role", "add_role"]))
    browser = browser_of(UserFactory.create(username="clerk", role="clerk"))
    wanted = Permission.objects.get(codename="change_user", content_type__app_label="accounts")
    response = browser.post(path_of(Role, "add"), {"name": "Sneaky", "rights": [wanted.pk]})
    assert "valid choice" in errors_of(response)
    assert not Role.objects.filter(name="Sneaky").exists()
