"""Two texts are the same, or are not, on every engine alike, whatever its collation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from accounts.models import ApiKey, User
from marketdata.models import Instrument
from portfolio.models import Portfolio, PortfolioPosition, Watchlist, WatchlistItem
from tests.factories import (
    InstrumentFactory,
    PortfolioFactory,
    PortfolioPositionFactory,
    UserFactory,
    WatchlistFactory,
    WatchlistItemFactory,
)
from tradingsite.core.errors import Conflict

pytestmark = pytest.mark.django_db

SAME_NAMES = [
    ("Long Term", "long term"),
    ("Long Term", "  Long   Term "),
    ("Long Term", "Ｌｏｎｇ　Ｔｅｒｍ"),  # full width
    ("Long Term", "Long Te\u200brm"),  # an invisible character
    ("Straße", "STRASSE"),
    ("Ärger", "A\u0308RGER"),  # composed and decomposed
    ("ﬁne", "FINE"),  # a ligature
]
OTHER_NAMES = [
    ("resume", "résumé"),
    ("Muller", "Müller"),
    ("Oland", "Öland"),
    ("naive", "naïve"),
    ("sans", "šans"),
    ("a b", "ab"),
    ("x", "\N{GRINNING FACE}"),
    ("\N{GRINNING FACE}", "\N{CRYING FACE}"),  # equal under utf8mb4_general_ci
    ("한", "中"),
]


def names_of(kind: str) -> Callable[[Any, str], Any]:
    factory: Any = {"portfolio": PortfolioFactory, "watchlist": WatchlistFactory}[kind]
    return lambda owner, name: factory.create(owner=owner, name=name)


@pytest.mark.parametrize("kind", ["portfolio", "watchlist"])
@pytest.mark.parametrize(("one", "other"), SAME_NAMES)
def test_names_that_read_the_same_are_one(kind: str, one: str, other: str, owner: User) -> None:
    make = names_of(kind)
    make(owner, one)
    with pytest.raises(IntegrityError), transaction.atomic():
        make(owner, other)


@pytest.mark.parametrize("kind", ["portfolio", "watchlist"])
@pytest.mark.parametrize(("one", "other"), OTHER_NAMES)
def test_names_with_other_letters_or_accents_are_two(kind: str, one: str, other: str, owner: User) -> None:
    make = names_of(kind)
    assert make(owner, one).pk != make(owner, other).pk


@pytest.mark.parametrize("model", [Portfolio, Watchlist])
def test_a_taken_name_is_found_by_validation_before_the_database(model: type[models.Model], owner: User) -> None:
    model._default_manager.create(owner=owner, name="Main")
    with pytest.raises(ValidationError):
        model(owner=owner, name="MAIN ").full_clean()


def test_two_people_can_use_one_name(owner: User, other_user: User) -> None:
    assert (
        PortfolioFactory.create(owner=owner, name="Main").pk
        != PortfolioFactory.create(owner=other_user, name="main").pk
    )


def test_a_name_keeps_the_letters_that_were_typed(owner: User) -> None:
    portfolio = PortfolioFactory.create(owner=owner, name="Größe \N{GRINNING FACE}")
    portfolio.refresh_from_db()
    assert portfolio.name == "Größe \N{GRINNING FACE}"


def test_a_name_that_folds_into_eighteen_times_its_length_is_stored(owner: User) -> None:
    # U+FDFA becomes eighteen letters under NFKC: a stored folded text would not fit its column.
    portfolio = PortfolioFactory.create(owner=owner, name="\ufdfa" * 100)
    portfolio.refresh_from_db()
    assert len(portfolio.name_key) == 64


def test_a_changed_name_changes_its_key(owner: User) -> None:
    portfolio = PortfolioFactory.create(owner=owner, name="Old")
    portfolio.name = "New"
    portfolio.save()
    assert PortfolioFactory.create(owner=owner, name="old").pk != portfolio.pk


SAME_SYMBOLS = ["AAPL", "aapl", " AAPL ", "AAPL ", "\tAaPl"]


@pytest.mark.parametrize("typed", SAME_SYMBOLS)
def test_a_symbol_is_stored_and_found_in_its_normal_form(typed: str) -> None:
    made = Instrument.objects.create(symbol=typed)
    assert made.symbol == "AAPL"
    assert list(Instrument.objects.values_list("symbol", flat=True)) == ["AAPL"]
    for sought in SAME_SYMBOLS:
        assert Instrument.objects.get(symbol=sought) == made
        assert Instrument.objects.filter(symbol__in=[sought]).exists()


@pytest.mark.parametrize("typed", SAME_SYMBOLS)
def test_a_symbol_is_taken_once_in_whatever_form(typed: str) -> None:
    InstrumentFactory.create(symbol="AAPL")
    position, item = PortfolioPositionFactory.create(symbol="AAPL"), WatchlistItemFactory.create(symbol="AAPL")
    for make in (
        lambda: Instrument.objects.create(symbol=typed),
        lambda: Instrument.objects.bulk_create([Instrument(symbol=typed)]),
        lambda: PortfolioPosition.objects.create(portfolio=position.portfolio, symbol=typed, quantity=1, cost=1),
        lambda: WatchlistItem.objects.create(watchlist=item.watchlist, symbol=typed),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            make()


@pytest.mark.parametrize("ways", ["save", "bulk_create", "update", "bulk_update"])
def test_a_symbol_takes_its_normal_form_on_every_way_in(ways: str) -> None:
    instrument = InstrumentFactory.create(symbol="AAA")
    match ways:
        case "save":
            instrument.symbol = " bbb "
            instrument.save()
        case "bulk_create":
            instrument.delete()
            Instrument.objects.bulk_create([Instrument(symbol=" bbb ")])
        case "update":
            Instrument.objects.update(symbol=" bbb ")
        case "bulk_update":
            instrument.symbol = " bbb "
            Instrument.objects.bulk_update([instrument], ["symbol"])
    assert list(Instrument.objects.values_list("symbol", flat=True)) == ["BBB"]


@pytest.mark.parametrize("typed", ["ÁAPL", "ＡＡＰＬ", "ſpy", "AAPL\u200b", "AA PL", "", "A" * 33])
def test_a_symbol_without_a_normal_form_never_reaches_the_database(typed: str) -> None:
    for make in (
        lambda: Instrument.objects.create(symbol=typed),
        lambda: Instrument.objects.bulk_create([Instrument(symbol=typed)]),
        lambda: Instrument.objects.update(symbol=typed),
    ):
        with pytest.raises(ValidationError), transaction.atomic():
            make()


def test_symbols_that_differ_in_a_sign_are_two() -> None:
    for symbol in ("BRK.B", "BRK-B", "BRK/B", "BRK_B", "BRK:B", "BRK&B", "BRKB", "BRK^B", "BRK=B"):
        InstrumentFactory.create(symbol=symbol)
    assert Instrument.objects.count() == 9


@pytest.mark.parametrize("typed", ["demo", "Demo", " DEMO ", "ｄｅｍｏ"])
def test_a_user_name_is_taken_once_in_whatever_form_and_found_in_each(typed: str) -> None:
    demo = UserFactory.create(username="demo", email=None)
    assert User.objects.get(username=typed) == demo
    assert User.objects.get_by_natural_key(typed) == demo
    with pytest.raises(ValidationError, match="A user with that name exists"):
        User(username=typed, password="!").full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(username=typed)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(username=typed)])


@pytest.mark.parametrize("typed", ["démo", "demo\u0131", "дemo", "de\u200bmo"])
def test_a_user_name_with_foreign_letters_is_refused_everywhere(typed: str) -> None:
    with pytest.raises(ValidationError):
        User(username=typed, password="!").full_clean()
    with pytest.raises(ValidationError), transaction.atomic():
        User.objects.create(username=typed)


@pytest.mark.parametrize("typed", ["ann@example.com", "ANN@Example.COM", " ann@example.com "])
def test_an_e_mail_is_taken_once_in_whatever_form(typed: str) -> None:
    UserFactory.create(email="ann@example.com")
    with pytest.raises(ValidationError, match="A user with that e-mail exists"):
        User(username="ben", password="!", email=typed).full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(username="ben", email=typed)
    ben = UserFactory.create(username="ben", email="ben@example.com")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=ben.pk).update(email=typed)


@pytest.mark.parametrize(
    "typed", ["ann@exämple.com", "änn@example.com", "ann@e\u017fample.com", "\u212aim@example.com"]
)
def test_an_e_mail_that_some_collation_would_confuse_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        User(username="ben", password="!", email=typed).full_clean()
    with pytest.raises(ValidationError), transaction.atomic():
        User.objects.create(username="ben", email=typed)


def test_many_people_can_have_no_e_mail() -> None:
    for name, email in (("ann", None), ("ben", ""), ("cid", "  ")):
        UserFactory.create(username=name, email=email)
    assert list(User.objects.values_list("email", flat=True)) == [None, None, None]


@pytest.mark.parametrize("sought", ["apple", "APPLE", "pple i", "Apple Inc."])
def test_search_finds_names_in_any_case(sought: str) -> None:
    InstrumentFactory.create(symbol="AAPL", company_name="Apple Inc.")
    InstrumentFactory.create(symbol="IBM", company_name="IBM")
    found = Instrument.objects.filter(company_name__icontains=sought)
    assert [instrument.symbol for instrument in found] == ["AAPL"]
    assert Instrument.objects.filter(symbol__icontains="aap").count() == 1
    assert Instrument.objects.filter(symbol__istartswith="aap").count() == 1


@pytest.mark.parametrize("sought", ["100%", "a_c", "back\\slash", "it's"])
def test_search_takes_signs_as_they_are(sought: str) -> None:
    InstrumentFactory.create(symbol="A", company_name=f"so {sought} there")
    InstrumentFactory.create(symbol="B", company_name="so 1000 abc backslash its there")
    found = Instrument.objects.filter(company_name__icontains=sought)
    assert [instrument.symbol for instrument in found] == ["A"]


def test_every_unique_text_is_in_a_normal_form() -> None:
    """A new unique text must be one of the known kinds, or say here why any collation agrees on it."""
    from tests.models import our_models
    from tradingsite.core.fields import NameKeyField, NormalTextField

    agreed = {
        # lower-case base32 that we make ourselves
        (ApiKey, "public_id"),
        # lower-case hexadecimal that we make ourselves
        ("login_sessions", "public_id"),
        ("idempotency_keys", "digest"),
        ("registrations", "token_digest"),
        ("invitations", "token_digest"),
        ("recovery_codes", "digest"),
        ("login_failures", "name_digest"),
        # lower-case words, dates and hexadecimal that `marketdata/archive/layout.py` puts together
        ("archive_partitions", "path"),
        # choices of ours
        ("archive_partitions", "timeframe"),
        ("archive_partitions", "kind"),
        ("archive_partitions", "current_key"),
        # an address or a network, as `ipaddress` writes it
        ("login_failures", "place"),
        # choices of ours and currency codes: `tests/portfolio` holds that services take nothing else
        ("portfolio_cash", "currency"),
        ("intraday_data", "timeframe"),
        ("corporate_actions", "kind"),
        ("quarantines", "timeframe"),
    }
    for model in our_models():
        names = {name for constraint in model._meta.total_unique_constraints for name in constraint.fields}
        names |= {field.name for field in model._meta.local_fields if field.unique}
        for name in names:
            field = model._meta.get_field(name)
            if isinstance(field, models.CharField | models.TextField):
                normal = isinstance(field, NormalTextField | NameKeyField)
                assert normal or {(model, name), (model._meta.db_table, name)} & agreed, f"{model.__name__}.{name}"


def test_a_service_says_that_a_name_is_taken(owner: User, actor_of: Callable[[User], Any]) -> None:
    from portfolio.services.portfolios import create_portfolio

    create_portfolio(actor=actor_of(owner), name="Main")
    with pytest.raises(Conflict):
        create_portfolio(actor=actor_of(owner), name="ＭＡＩＮ")
    assert create_portfolio(actor=actor_of(owner), name="Máin").pk
