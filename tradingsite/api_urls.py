"""The REST API, version 1: each app brings its own addresses."""

from django.urls import include, path

urlpatterns = [
    path("", include("marketdata.api.urls")),
    path("", include("portfolio.api.urls")),
    path("", include("trading.api.urls")),
    path("", include("systemevents.api.urls")),
    path("", include("accounts.api.urls")),
]
