"""Portfolios, and the people they are shared with."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from portfolio.models import Portfolio, PortfolioMember
from portfolio.services.members import share_portfolio, unshare_portfolio
from portfolio.services.portfolios import change_portfolio, create_portfolio
from tradingsite.core.actor import Actor
from tradingsite.core.admin.base import ScopedModelAdmin, ScopedTabularInline
from tradingsite.core.admin.forms import DeskModelForm
from tradingsite.core.admin.transfer import ExportPages
from tradingsite.core.grants import Grant


class MemberForm(DeskModelForm):
    """A member by name: nobody may leaf through the users to find one."""

    username = forms.CharField(
        label="User name", max_length=150, widget=UnfoldAdminTextInputWidget, help_text="Exactly as the person logs in."
    )

    class Meta:
        model = PortfolioMember
        fields = ("grant",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["username"].initial = self.instance.user.username
            self.fields["username"].disabled = True


class MemberInline(ScopedTabularInline):
    """Who else sees the portfolio, and how far they may go."""

    model = PortfolioMember
    form = MemberForm
    fields = ("username", "grant", "created_at")
    readonly_fields = ("created_at",)
    verbose_name = "member"
    verbose_name_plural = "shared with"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("user", "portfolio")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # Who may only look has no form, and so no field of the form's own.
        if self.has_add_permission(request, obj) or self.has_change_permission(request, obj):
            return self.fields
        return ("user", "grant", "created_at")


@admin.register(Portfolio)
class PortfolioAdmin(ExportPages, ScopedModelAdmin):
    """One's own portfolios, and those shared with one."""

    list_display = ("name", "owner", "kind", "base_currency", "cost_method", "calendar", "created_at")
    list_filter = (("kind", ChoicesDropdownFilter),)
    list_select_related = ("owner",)
    search_fields = ("name",)
    search_help_text = "Part of the name"
    readonly_fields = ("created_at",)
    fieldsets = (
        (None, {"fields": ("name", "owner", "created_at")}),
        ("Books", {"fields": ("kind", "base_currency", "cost_method", "calendar")}),
    )
    add_fieldsets = (
        (None, {"fields": ("name",)}),
        ("Books", {"fields": ("kind", "base_currency", "cost_method", "calendar")}),
    )
    inlines = (MemberInline,)
    export_fields = ("name", "owner__username", "kind", "base_currency", "cost_method", "calendar", "created_at")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj is not None else ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else [*fields, "kind", "base_currency", "calendar"]

    def save_through_service(self, actor: Actor, obj: Any, values: dict[str, Any]) -> Portfolio:
        if obj is None:
            return create_portfolio(actor=actor, **values)
        return change_portfolio(actor=actor, portfolio=obj, **values)

    def save_rows_through_service(self, actor: Actor, obj: Any, formset: Any) -> None:
        for form in formset.deleted_forms:
            if form.instance.pk:
                unshare_portfolio(actor=actor, portfolio=obj, user=form.instance.user)
        for form in formset.forms:
            if form.has_changed() and form not in formset.deleted_forms:
                data = form.cleaned_data
                share_portfolio(actor=actor, portfolio=obj, username=data["username"], grant=Grant(data["grant"]))
