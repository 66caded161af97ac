"""Addresses of events and the audit trail."""

from django.urls import path

from systemevents.api.views import AuditLogViewSet, SystemEventViewSet
from tradingsite.core.api.routes import LIST, ONE

urlpatterns = [
    path("system-events/", SystemEventViewSet.as_view(LIST), name="system-events-list"),
    path("system-events/<str:pk>/", SystemEventViewSet.as_view(ONE), name="system-events-detail"),
    path("audit-logs/", AuditLogViewSet.as_view(LIST), name="audit-logs-list"),
    path("audit-logs/<str:pk>/", AuditLogViewSet.as_view(ONE), name="audit-logs-detail"),
]
