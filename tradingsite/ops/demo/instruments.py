"""The demo's instruments; what it says about the companies is true, only the prices are simulated."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from marketdata.models import Instrument
from marketdata.services.instruments import find_instruments, save_instrument
from tradingsite.core.actor import Actor

NASDAQ = ("NASDAQ", "XNAS")
NYSE = ("NYSE", "XNYS")


@dataclass(frozen=True, slots=True)
class Company:
    """A listed company: name, exchange with its calendar, sector and sub-industry by GICS."""

    name: str
    listing: tuple[str, str]
    sector: str
    industry: str


_APPLE = Company("Apple Inc.", NASDAQ, "Information Technology", "Technology Hardware, Storage & Peripherals")
_MICROSOFT = Company("Microsoft Corporation", NASDAQ, "Information Technology", "Systems Software")

#: In the order of the demo's watchlist.
SIMULATED = {
    "AAPL": _APPLE,
    "GOOGL": Company("Alphabet Inc. Class A", NASDAQ, "Communication Services", "Interactive Media & Services"),
    "MSFT": _MICROSOFT,
    "AMZN": Company("Amazon.com, Inc.", NASDAQ, "Consumer Discretionary", "Broadline Retail"),
    "TSLA": Company("Tesla, Inc.", NASDAQ, "Consumer Discretionary", "Automobile Manufacturers"),
    "NVDA": Company("NVIDIA Corporation", NASDAQ, "Information Technology", "Semiconductors"),
    "META": Company("Meta Platforms, Inc.", NASDAQ, "Communication Services", "Interactive Media & Services"),
    "JPM": Company("JPMorgan Chase & Co.", NYSE, "Financials", "Diversified Banks"),
    "V": Company("Visa Inc.", NYSE, "Financials", "Transaction & Payment Processing Services"),
    "NFLX": Company("Netflix, Inc.", NASDAQ, "Communication Services", "Movies & Entertainment"),
}
#: By the ticker of bokeh_sampledata's file, under the names of those years.
REAL = {
    "AAPL": _APPLE,
    "IBM": Company(
        "International Business Machines Corporation",
        NYSE,
        "Information Technology",
        "IT Consulting & Other Services",
    ),
    "MSFT": _MICROSOFT,
    "GOOG": Company("Google Inc.", NASDAQ, "Communication Services", "Interactive Media & Services"),
    "FB": Company("Facebook, Inc.", NASDAQ, "Communication Services", "Interactive Media & Services"),
}


def make_simulated_instruments(actor: Actor) -> list[Instrument]:
    """The instruments whose prices are simulated; one that somebody has made real is not among them."""
    known = find_instruments(SIMULATED)
    made = [
        known.get(symbol)
        or save_instrument(
            actor=actor, values={**_values(symbol, company), "company_name": company.name, "is_simulated": True}
        )
        for symbol, company in SIMULATED.items()
    ]
    return [instrument for instrument in made if instrument.is_simulated]


def make_real_instrument(actor: Actor, symbol: str, company: Company, *, years: str) -> None:
    """An instrument with real history, unless there is one of that symbol."""
    if symbol not in find_instruments([symbol]):
        name = f"{company.name}, real prices {years}"
        save_instrument(actor=actor, values={**_values(symbol, company), "company_name": name, "is_simulated": False})


def _values(symbol: str, company: Company) -> dict[str, object]:
    exchange, calendar = company.listing
    return {
        "symbol": symbol,
        "asset_class": "equity",
        "exchange": exchange,
        "calendar": calendar,
        "currency": "USD",
        "time_zone": "America/New_York",
        "sector": company.sector,
        "industry": company.industry,
        "tick_size": Decimal("0.01"),
        "quantity_step": Decimal("1"),
    }
