"""Watchlists with the symbols on them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from import_export import fields as columns
from unfold.decorators import display

from portfolio.models import Watchlist, WatchlistItem
from portfolio.services.watchlists import (
    add_symbol,
    create_watchlist,
    delete_watchlist,
    remove_symbol,
    rename_watchlist,
)
from tradingsite.core.actor import Actor
from tradingsite.core.admin.base import ScopedModelAdmin, ScopedTabularInline
from tradingsite.core.admin.filters import ScopedRelatedFilter
from tradingsite.core.admin.transfer import ExportPages, ImportPages, ImportResource
from tradingsite.core.errors import NotFound
from tradingsite.core.fields import name_key


class WatchlistItemResource(ImportResource):
    """A row puts a symbol on one of the actor's own lists, which is made when it isn't there."""

    watchlist = columns.Field(attribute="watchlist_name", column_name="watchlist")

    class Meta:
        model = WatchlistItem
        name = "symbols of watchlists"
        fields = ("watchlist", "symbol")
        import_id_fields = ()
        force_init_instance = True

    def save_row(self, actor: Actor, instance: Any, is_create: bool, values: dict[str, Any]) -> WatchlistItem:
        for name in ("watchlist_name", "symbol"):
            if not str(values.get(name) or "").strip():
                raise ValidationError("Each row needs a watchlist and a symbol.")
        name = str(values["watchlist_name"])
        own = Watchlist.objects.filter(owner=actor.user_id, name_key=name_key(name)).first()
        watchlist = own or create_watchlist(actor=actor, name=name)
        return add_symbol(actor=actor, watchlist=watchlist, symbol=str(values["symbol"]))


class ItemInline(ScopedTabularInline):
    """The symbols, typed rather than chosen: there may be ten thousand."""

    model = WatchlistItem
    fields = ("symbol", "added_at")
    readonly_fields = ("added_at",)
    verbose_name = "symbol"
    verbose_name_plural = "symbols"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A symbol is put on the list or taken off it.
        return False


@admin.register(Watchlist)
class WatchlistAdmin(ExportPages, ImportPages, ScopedModelAdmin):
    """One's own lists, and those shared through a portfolio."""

    deletes = True
    list_display = ("name", "owner", "portfolio", "symbols", "created_at")
    list_filter = (("portfolio", ScopedRelatedFilter),)
    list_select_related = ("owner", "portfolio")
    search_fields = ("name",)
    search_help_text = "Part of the name"
    readonly_fields = ("created_at",)
    fieldsets = ((None, {"fields": ("name", "portfolio", "owner", "created_at")}),)
    add_fieldsets = ((None, {"fields": ("name", "portfolio")}),)
    inlines = (ItemInline,)
    export_fields = ("name", "owner__username", "portfolio__name", "created_at")
    import_resource = WatchlistItemResource

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        lists: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = lists.annotate(symbol_count=Count("items"))
        return counted

    @display(description="symbols")
    def symbols(self, watchlist: Any) -> int:
        return int(watchlist.symbol_count)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else [*fields, "portfolio"]

    def save_through_service(self, actor: Actor, obj: Any, values: dict[str, Any]) -> Watchlist:
        if obj is None:
            return create_watchlist(actor=actor, **values)
        return rename_watchlist(actor=actor, watchlist=obj, **values)

    def delete_through_service(self, actor: Actor, obj: Any) -> None:
        delete_watchlist(actor=actor, watchlist=obj)

    def save_rows_through_service(self, actor: Actor, obj: Any, formset: Any) -> None:
        for form in formset.deleted_forms:
            if form.instance.pk:
                # The stored symbol: the form's instance already holds what was typed.
                stored = WatchlistItem.objects.filter(pk=form.instance.pk, watchlist=obj).first()
                if stored is None:
                    raise NotFound
                remove_symbol(actor=actor, watchlist=obj, symbol=stored.symbol)
        for form in formset.extra_forms:
            if form.has_changed() and form not in formset.deleted_forms:
                add_symbol(actor=actor, watchlist=obj, symbol=form.cleaned_data["symbol"])
