"""Addresses of market data."""

from django.urls import path

from marketdata.api.bars import BarsView
from marketdata.api.corporate_actions import CorporateActionViewSet
from marketdata.api.coverage import CoverageView, LatestBarsView
from marketdata.api.quarantines import QuarantineViewSet
from marketdata.api.ticks import TickBarsView, TickViewSet
from marketdata.api.views import DailyBarViewSet, IngestBatchViewSet, InstrumentViewSet, IntradayBarViewSet
from tradingsite.core.api.routes import CHANGE, CREATE, LIST, ONE

urlpatterns = [
    path("bars/", BarsView.as_view(), name="bars"),
    path("bars/latest/", LatestBarsView.as_view(), name="bars-latest"),
    path("bars/coverage/", CoverageView.as_view(), name="bars-coverage"),
    path("metadata/", InstrumentViewSet.as_view(LIST | CREATE), name="metadata-list"),
    # A symbol may hold slashes; servers decode %2F before Django sees it, so both forms end here.
    path(
        "metadata/<path:symbol>/",
        InstrumentViewSet.as_view(ONE | CHANGE),
        name="metadata-detail",
    ),
    path("quarantines/", QuarantineViewSet.as_view(LIST), name="quarantines-list"),
    path("quarantines/<str:pk>/", QuarantineViewSet.as_view(ONE), name="quarantines-detail"),
    path("quarantines/<str:pk>/accept/", QuarantineViewSet.as_view({"post": "accept"}), name="quarantines-accept"),
    path(
        "corporate-actions/",
        CorporateActionViewSet.as_view(LIST | CREATE),
        name="corporate-actions-list",
    ),
    path("corporate-actions/<str:pk>/", CorporateActionViewSet.as_view(ONE), name="corporate-actions-detail"),
    path(
        "corporate-actions/<str:pk>/retract/",
        CorporateActionViewSet.as_view({"post": "retract"}),
        name="corporate-actions-retract",
    ),
    path("daily-data/", DailyBarViewSet.as_view(LIST), name="daily-data-list"),
    path("daily-data/<str:pk>/", DailyBarViewSet.as_view(ONE), name="daily-data-detail"),
    path("intraday-data/", IntradayBarViewSet.as_view(LIST), name="intraday-data-list"),
    path("intraday-data/<str:pk>/", IntradayBarViewSet.as_view(ONE), name="intraday-data-detail"),
    path("ticks/", TickViewSet.as_view(LIST | CREATE), name="ticks-list"),
    path("ticks/bars/", TickBarsView.as_view(), name="ticks-bars"),
    path("ingest-batches/", IngestBatchViewSet.as_view(LIST), name="ingest-batches-list"),
    path("ingest-batches/<str:pk>/", IngestBatchViewSet.as_view(ONE), name="ingest-batches-detail"),
]
