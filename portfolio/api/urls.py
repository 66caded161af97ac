"""Addresses of portfolios and watchlists."""

from django.urls import path

from portfolio.api.views import (
    CashViewSet,
    PerformanceViewSet,
    PortfolioViewSet,
    PositionViewSet,
    WatchlistItemViewSet,
    WatchlistViewSet,
)
from tradingsite.core.api.routes import CHANGE, CREATE, DROP, LIST, ONE

urlpatterns = [
    path("portfolios/", PortfolioViewSet.as_view(LIST | CREATE), name="portfolios-list"),
    path("portfolios/<str:pk>/", PortfolioViewSet.as_view(ONE | CHANGE), name="portfolios-detail"),
    path("portfolios/<str:pk>/positions/", PositionViewSet.as_view(LIST), name="portfolios-positions"),
    path("portfolios/<str:pk>/cash/", CashViewSet.as_view(LIST), name="portfolios-cash"),
    path("portfolios/<str:pk>/performance/", PerformanceViewSet.as_view(LIST), name="portfolios-performance"),
    path("watchlists/", WatchlistViewSet.as_view(LIST | CREATE), name="watchlists-list"),
    path("watchlists/<str:pk>/", WatchlistViewSet.as_view(ONE | CHANGE | DROP), name="watchlists-detail"),
    path("watchlists/<str:pk>/items/", WatchlistItemViewSet.as_view(LIST | CREATE), name="watchlists-items"),
    path("watchlists/<str:pk>/items/<path:symbol>/", WatchlistItemViewSet.as_view(DROP), name="watchlists-item"),
]
