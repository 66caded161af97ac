"""The admin's first page: what the user has, and what happened last, as far as they see it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from marketdata.models import IngestBatch
from portfolio.admin.holdings import percent
from portfolio.models import Portfolio, PortfolioCash, PortfolioPerformance
from systemevents.models import AuditLog, SystemEvent
from trading.models import Signal
from tradingsite.core import clock
from tradingsite.core.admin.numbers import EMPTY
from tradingsite.core.admin.scope import visible_rows

MOST_PORTFOLIOS = 8
MOST_ROWS = 6
CHART_DAYS = 366
# One line each; more could not be told apart.
CHART_COLOURS = ("var(--color-primary-600)", "var(--color-primary-300)", "var(--color-base-400)")
CHART_OPTIONS = json.dumps(
    {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "interaction": {"mode": "index", "intersect": False},
        "elements": {"point": {"radius": 0}, "line": {"borderWidth": 2}},
        "plugins": {"legend": {"display": True, "align": "end", "labels": {"boxWidth": 8, "boxHeight": 8}}},
        "scales": {"x": {"ticks": {"maxTicksLimit": 12}, "grid": {"display": False}}, "y": {"grid": {"tickWidth": 0}}},
    }
)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the cards that the user may see to the context of admin/index.html."""
    portfolios = list(valued_portfolios(request)) if may_view(request, Portfolio) else []
    context["portfolio_cards"] = [portfolio_card(portfolio, request) for portfolio in portfolios]
    context["value_chart"] = value_chart(portfolios, request) if portfolios else ""
    context["chart_options"] = CHART_OPTIONS
    context["cards"] = [
        {"title": title, "table": table, "link": list_link(model)}
        for title, model, table in (
            ("Latest signals", Signal, signals(request)),
            ("Latest imports", IngestBatch, imports(request)),
            ("System events", SystemEvent, events(request)),
            ("Audit trail", AuditLog, audit_entries(request)),
        )
        if table is not None
    ]
    return context


def may_view(request: HttpRequest, model: Any) -> bool:
    """Whether the user's role includes looking at the table."""
    return bool(admin.site._registry[model].has_view_permission(request))


def list_link(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def row_link(row: Any, text: str) -> str:
    """A link to a row's page; the text is escaped."""
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}" class="text-link">{}</a>', address, text)


def valued_portfolios(request: HttpRequest) -> QuerySet[Any]:
    """The user's portfolios with their last valuation; one's own first."""
    last = PortfolioPerformance.objects.filter(portfolio=OuterRef("pk")).order_by("-date")
    portfolios = (
        visible_rows(request, Portfolio)
        .select_related("owner")
        .annotate(
            last_value=Subquery(last.values("portfolio_value")[:1]),
            last_return=Subquery(last.values("daily_return")[:1]),
            last_date=Subquery(last.values("date")[:1]),
            position_count=Count("positions"),
        )
    )
    own = portfolios.filter(owner=request.user.pk)
    chosen = own if own.exists() else portfolios
    shown: QuerySet[Any] = chosen.order_by("pk")[:MOST_PORTFOLIOS].prefetch_related("cash")
    return shown


def portfolio_card(portfolio: Any, request: HttpRequest) -> dict[str, Any]:
    cash: Iterable[PortfolioCash] = portfolio.cash.all()
    return {
        "name": title_of(portfolio, request),
        "kind": portfolio.get_kind_display().partition(":")[0],
        "link": reverse("admin:portfolio_portfolio_change", args=[portfolio.pk]),
        "value": EMPTY if portfolio.last_value is None else f"{portfolio.last_value:,.2f} {portfolio.base_currency}",
        "change": percent(portfolio.last_return),
        "is_gain": (portfolio.last_return or 0) >= 0,
        "date": portfolio.last_date,
        "positions": portfolio.position_count,
        "cash": ", ".join(f"{balance.balance:,.2f} {balance.currency}" for balance in cash) or "none",
    }


def title_of(portfolio: Any, request: HttpRequest) -> str:
    """The name, with the owner's where that is somebody else."""
    own = portfolio.owner_id == request.user.pk
    return str(portfolio.name) if own else f"{portfolio.name} ({portfolio.owner.username})"


def value_chart(portfolios: list[Any], request: HttpRequest) -> str:
    """A year of values as Chart.js reads them; empty without any."""
    charted = portfolios[: len(CHART_COLOURS)]
    since = clock.today() - timedelta(days=CHART_DAYS)
    rows = PortfolioPerformance.objects.filter(portfolio__in=[portfolio.pk for portfolio in charted], date__gte=since)
    values: dict[int, dict[str, float]] = {portfolio.pk: {} for portfolio in charted}
    for pk, date, value in rows.order_by("date").values_list("portfolio", "date", "portfolio_value"):
        values[pk][date.isoformat()] = float(value)
    days = sorted({day for of_one in values.values() for day in of_one})
    if not days:
        return ""
    datasets = [
        {
            "label": title_of(portfolio, request),
            "data": [values[portfolio.pk].get(day) for day in days],
            "borderColor": colour,
            "backgroundColor": colour,
        }
        for portfolio, colour in zip(charted, CHART_COLOURS, strict=False)
        if values[portfolio.pk]
    ]
    return json.dumps({"labels": days, "datasets": datasets})


def signals(request: HttpRequest) -> dict[str, Any] | None:
    if not may_view(request, Signal):
        return None
    rows = visible_rows(request, Signal).order_by("-id")[:MOST_ROWS]
    return {
        "headers": ["Signal", "Date", "Timeframe", "Confidence"],
        "rows": [
            [
                row_link(signal, f"{signal.signal_type} {signal.symbol}"),
                signal.date.isoformat(),
                signal.timeframe,
                EMPTY if signal.confidence is None else f"{signal.confidence:.0f} %",
            ]
            for signal in rows
        ],
    }


def imports(request: HttpRequest) -> dict[str, Any] | None:
    if not may_view(request, IngestBatch):
        return None
    rows = visible_rows(request, IngestBatch).order_by("-id")[:MOST_ROWS]
    return {
        "headers": ["Source", "Bars", "Read", "Rejected", "Status"],
        "rows": [
            [
                row_link(batch, batch.source),
                batch.timeframe,
                f"{batch.read:,}",
                f"{batch.rejected:,}",
                batch.get_status_display(),
            ]
            for batch in rows
        ],
    }


def events(request: HttpRequest) -> dict[str, Any] | None:
    if not may_view(request, SystemEvent):
        return None
    rows = visible_rows(request, SystemEvent).order_by("-id")[:MOST_ROWS]
    return {
        "headers": ["When", "Event", "What happened"],
        "rows": [
            [f"{event.occurred_at:%m-%d %H:%M}", row_link(event, event.event_type), event.description[:80]]
            for event in rows
        ],
    }


def audit_entries(request: HttpRequest) -> dict[str, Any] | None:
    if not may_view(request, AuditLog):
        return None
    rows = visible_rows(request, AuditLog).order_by("-id")[:MOST_ROWS]
    return {
        "headers": ["When", "Who", "What", "Object"],
        "rows": [
            [
                f"{entry.occurred_at:%m-%d %H:%M}",
                entry.actor_label,
                row_link(entry, entry.action),
                entry.object_label[:40],
            ]
            for entry in rows
        ],
    }
