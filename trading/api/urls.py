"""Addresses of trading."""

from django.urls import path

from trading.api.views import SignalViewSet
from tradingsite.core.api.routes import CREATE, LIST, ONE

urlpatterns = [
    path("signals/", SignalViewSet.as_view(LIST | CREATE), name="signals-list"),
    path("signals/<str:pk>/", SignalViewSet.as_view(ONE), name="signals-detail"),
]
