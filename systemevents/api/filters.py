"""What events and the audit trail can be cut by."""

from __future__ import annotations

import django_filters
from django import forms

from systemevents.models import Severity
from tradingsite.core.actor import Front
from tradingsite.core.api.filters import moment_range


class AddressFilter(django_filters.Filter):
    field_class = forms.GenericIPAddressField


class SystemEventFilters(django_filters.FilterSet):
    event_type = django_filters.CharFilter(max_length=60)
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    source = django_filters.CharFilter(max_length=60)
    start, end = moment_range("occurred_at")


class AuditLogFilters(django_filters.FilterSet):
    actor = django_filters.CharFilter(field_name="actor_label", max_length=200, label="The actor's name.")
    key_id = django_filters.CharFilter(max_length=16)
    front = django_filters.ChoiceFilter(choices=Front.choices)
    action = django_filters.CharFilter(max_length=60)
    object_type = django_filters.CharFilter(max_length=60)
    object_id = django_filters.CharFilter(max_length=64)
    request_id = django_filters.CharFilter(max_length=64)
    address = AddressFilter(label="The caller's address, IPv4 or IPv6.")
    start, end = moment_range("occurred_at")
