"""The audit trail: who did what to what, and what it was before."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import ChoicesDropdownFilter, TextFilter
from unfold.decorators import display

from systemevents.models import AuditLog
from systemevents.selectors import actions_beginning, found_by
from tradingsite.core.admin.base import ReadOnlyScopedAdmin
from tradingsite.core.admin.filters import DayRangeFilter, ScopedAutocompleteFilter
from tradingsite.core.admin.numbers import EMPTY
from tradingsite.core.admin.transfer import ExportPages

MISSING = object()


def shown(value: Any) -> str:
    """A value of the trail as one line of text."""
    if value is MISSING:
        return EMPTY
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def comparison(before: Any, after: Any) -> str:
    """A table of columns as they were and as they became; every text is escaped."""
    was = before if isinstance(before, dict) else {} if before is None else {"value": before}
    now = after if isinstance(after, dict) else {} if after is None else {"value": after}
    names = [*was, *(name for name in now if name not in was)]
    if not names:
        return EMPTY
    cell = "px-3 py-2 border-b border-base-200 dark:border-base-800 align-top text-left"
    rows = format_html_join(
        "",
        '<tr><th class="{0} font-semibold">{1}</th>'
        '<td class="{0} break-all">{2}</td><td class="{0} break-all">{3}</td></tr>',
        ((cell, name, shown(was.get(name, MISSING)), shown(now.get(name, MISSING))) for name in names),
    )
    return format_html(
        '<table class="w-full"><thead><tr><th class="{0}">Column</th><th class="{0}">Before</th>'
        '<th class="{0}">After</th></tr></thead><tbody>{1}</tbody></table>',
        cell,
        rows,
    )


class ExactFilter(TextFilter):
    """By a column's whole value, which its index serves; subclasses name it."""

    column: str

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditLog]) -> QuerySet[AuditLog]:
        value = (self.value() or "").strip()
        return queryset.filter(**{self.column: value}) if value else queryset


class NameFilter(ExactFilter):
    """Also the software's own names, as in system:sync_roles, which are no users."""

    title = "name at that time"
    parameter_name = "who"
    column = "actor_label"


class KeyFilter(ExactFilter):
    title = "API key"
    parameter_name = "key"
    column = "key_id"

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditLog]) -> QuerySet[AuditLog]:
        # As people have it before them: tsk_0123456789abcdef, or without what stands around.
        public_id = (self.value() or "").strip().removeprefix("tsk_").partition("_")[0]
        return queryset.filter(key_id=public_id) if public_id else queryset


class TableFilter(ExactFilter):
    title = "table of the object"
    parameter_name = "table"
    column = "object_type"


class ObjectFilter(ExactFilter):
    title = "id of the object"
    parameter_name = "object"
    column = "object_id"


class RequestFilter(ExactFilter):
    title = "request id"
    parameter_name = "request"
    column = "request_id"


class AddressFilter(TextFilter):
    title = "address"
    parameter_name = "from_address"

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditLog]) -> QuerySet[AuditLog]:
        text = (self.value() or "").strip()
        if not text:
            return queryset
        try:
            return queryset.filter(address=str(ip_address(text)))
        except ValueError:
            # PostgreSQL would refuse the query.
            return queryset.none()


class ActionFilter(TextFilter):
    """By the beginning of the action."""

    title = "action"
    parameter_name = "action_begins"

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditLog]) -> QuerySet[AuditLog]:
        begins = (self.value() or "").strip()
        # Whole actions, which the index serves: it serves a beginning on no engine but MySQL.
        return queryset.filter(action__in=actions_beginning(begins)) if begins else queryset


@admin.register(AuditLog)
class AuditLogAdmin(ExportPages, ReadOnlyScopedAdmin):
    """Everybody sees what they did; who may see all rows sees all of it."""

    list_display = ("occurred_at", "actor_label", "action", "object_type", "object_label", "front", "address")
    list_display_links = ("occurred_at", "action")
    list_filter = (
        ActionFilter,
        ("front", ChoicesDropdownFilter),
        ("occurred_at", DayRangeFilter),
        ("actor", ScopedAutocompleteFilter),
        NameFilter,
        KeyFilter,
        TableFilter,
        ObjectFilter,
        RequestFilter,
        AddressFilter,
    )
    # Only so that there is a search box: `get_search_results` says what is found.
    search_fields = ("request_id",)
    search_help_text = "Exactly a request's id, an action, a table, or a table and an id, as in: portfolios 17"
    ordering = ("-id",)
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("occurred_at", "action", "actor_label", "actor", "front")}),
        ("What was changed", {"fields": ("object_type", "object_id", "object_label", "changed")}),
        ("Where it came from", {"fields": ("key_id", "request_id", "address")}),
    )
    readonly_fields = ("changed",)
    export_fields = (
        "id",
        "occurred_at",
        "actor_label",
        "key_id",
        "front",
        "action",
        "object_type",
        "object_id",
        "object_label",
        "before",
        "after",
        "request_id",
        "address",
    )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Newest first; by time where days are given.

        PostgreSQL takes ids and times for unrelated, and would look for old days from the newest id down.
        """
        by_time = any(request.GET.get(f"occurred_at_{end}") for end in ("from", "to"))
        return ("-occurred_at", "-id") if by_time else ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditLog], search_term: str
    ) -> tuple[QuerySet[AuditLog], bool]:
        return found_by(queryset, search_term.strip()), False

    @display(description="before and after")
    def changed(self, entry: AuditLog) -> str:
        return comparison(entry.before, entry.after)
