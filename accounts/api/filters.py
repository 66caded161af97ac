"""What lists of people, roles and keys can be cut by."""

from __future__ import annotations

import django_filters

from tradingsite.core.api.filters import FlagFilter


class UserFilters(django_filters.FilterSet):
    username = django_filters.CharFilter(max_length=150)
    role = django_filters.CharFilter(field_name="groups__name", max_length=150, label="Has this role.")
    is_active = FlagFilter()


class RoleFilters(django_filters.FilterSet):
    name = django_filters.CharFilter(max_length=150)


class ApiKeyFilters(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains", max_length=100, label="Part of the name.")
    owner = django_filters.CharFilter(field_name="owner__username", max_length=150, label="The owner's user name.")
    revoked = FlagFilter(field_name="revoked_at", lookup_expr="isnull", exclude=True, label="Revoked or not.")


class LoginFilters(django_filters.FilterSet):
    ended = FlagFilter(field_name="ended_at", lookup_expr="isnull", exclude=True, label="Ended or not.")
    user = django_filters.CharFilter(field_name="user__username", max_length=150, label="The user's name.")
