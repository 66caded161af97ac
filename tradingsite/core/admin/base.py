"""The base of every page of the admin.

Pages start from what the actor sees (`ScopedMixin`), write through services only, and turn
what a service raises into form errors. A page without a service can't write.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ORDER_VAR
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db.models import Model
from django.http import HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin, TabularInline
from unfold.paginator import InfinitePaginator
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from tradingsite.core.actor import Actor
from tradingsite.core.admin.forms import DeskModelForm, fields_of, refusal_sentence
from tradingsite.core.admin.numbers import PlainDecimalField, decimal_names, readable_columns, trimmed
from tradingsite.core.admin.scope import ScopedMixin
from tradingsite.core.errors import DeskError
from tradingsite.core.fields import ExactDecimalField
from tradingsite.core.grants import Grant, permitted
from tradingsite.core.http import admin_actor
from tradingsite.core.transactions import in_transaction

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

_DECIMALS = {ExactDecimalField: {"form_class": PlainDecimalField, "widget": UnfoldAdminDecimalFieldWidget}}


class DeskChangeList(ChangeList):
    """A list that keeps its own order where it offers no other."""

    def get_ordering(self, request: HttpRequest, queryset: Any) -> Any:
        if self.sortable_by is not None and not self.sortable_by:
            # Django hides the headers' links, but still obeys an `o=` in the query string.
            self.params.pop(ORDER_VAR, None)
        return super().get_ordering(request, queryset)


class ScopedModelAdmin(ScopedMixin, ModelAdmin):
    """A page over rows that the actor sees.

    Subclasses say `fieldsets` and, where people may write, `save_through_service` (and
    `delete_through_service` with `deletes = True`). The owner is never asked for.
    """

    form = DeskModelForm
    formfield_overrides = _DECIMALS
    paginator = InfinitePaginator
    show_full_result_count = False
    # Counts beside each choice of a filter would walk the whole table once a choice.
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    list_disable_select_all = True
    list_filter_submit = True
    warn_unsaved_form = True
    actions: ClassVar[Any] = []
    #: Whether rows can be deleted at all; the model permission and the edit grant decide then.
    deletes: ClassVar[bool] = False
    #: What the form asks for when adding; None: what the fieldsets say.
    add_fieldsets: ClassVar[Any] = ()

    def __init__(self, model: type[Model], admin_site: Any) -> None:
        super().__init__(model, admin_site)
        self.readonly_preprocess_fields = dict.fromkeys(decimal_names(model), trimmed)

    # What is seen and what may be done

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and may_edit(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.deletes and super().has_delete_permission(request, obj) and may_edit(request, obj)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        # Django lets the query string filter by any column of the table, a password's hash too.
        column = lookup.partition("__")[0]
        if column in self._columns() and column not in self._filtered_columns(request):
            return False
        return bool(super().lookup_allowed(lookup, value, request))

    def _columns(self) -> set[str]:
        fields = self.model._meta.fields
        return {"pk", *(field.name for field in fields), *(field.attname for field in fields)}

    def _filtered_columns(self, request: Any) -> set[str]:
        entries = [entry[0] if isinstance(entry, tuple) else entry for entry in self.get_list_filter(request)]
        return {entry for entry in entries if isinstance(entry, str)}

    # Lists

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return DeskChangeList

    def get_list_display(self, request: HttpRequest) -> Sequence[Any]:
        return readable_columns(self.model, super().get_list_display(request))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        # Rows go one by one, through their service.
        actions.pop("delete_selected", None)
        return actions

    def response_action(self, request: HttpRequest, queryset: Any) -> Any:
        if request.POST.get("select_across", "0") != "0":
            messages.warning(request, "Select the rows one by one; an action on a whole table is not offered.")
            return None
        return super().response_action(request, queryset)

    # Forms

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[Any]:
        fields = list(super().get_readonly_fields(request, obj))
        if "owner" in {field.name for field in self.model._meta.fields} and "owner" not in fields:
            fields.append("owner")
        return fields

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"refusal": getattr(request, "refusal", None)})

    # Writes

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        view = super().changeform_view
        if request.method != "POST":
            return view(request, object_id, form_url, extra_context)  # type: ignore[no-any-return]  # unfold's
        try:
            return in_transaction(view)(request, object_id, form_url, extra_context)  # type: ignore[no-any-return]
        except (DeskError, ValidationError) as refusal:
            # Everything is rolled back; the same form again shows what the service said.
            request.refusal = refusal  # type: ignore[attr-defined]  # ours, read by get_form
            return view(request, object_id, form_url, extra_context)  # type: ignore[no-any-return]

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        try:
            return in_transaction(super().delete_view)(request, object_id, extra_context)  # type: ignore[no-any-return]
        except (DeskError, ValidationError) as refusal:
            messages.error(request, refusal_sentence(refusal))
            return HttpResponseRedirect(self.page_of(object_id))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What the audit trail says of the row; for who may not look at the trail what they did here themselves."""
        row = self.get_object(request, unquote(object_id))
        if row is not None and self.has_view_or_change_permission(request, row):
            trail = self.admin_site.trail_of(request, row)
            if trail is not None:
                return HttpResponseRedirect(trail)
        return super().history_view(request, object_id, extra_context)  # type: ignore[no-any-return]  # unfold's

    def page_of(self, object_id: Any) -> str:
        """The address of a row's page."""
        return reverse(self.url_name("change"), args=[object_id])

    def url_name(self, page: str) -> str:
        """The name of one of this table's pages, as in "changelist"."""
        return f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{page}"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        values = fields_of(form, changed_only=change)
        if change and not values:
            return
        saved = self.save_through_service(admin_actor(request), obj if change else None, values)
        # Django goes on with its own instance: it becomes the one that the service saved.
        obj.__dict__.update(saved.__dict__)

    def save_through_service(self, actor: Actor, obj: Any | None, values: dict[str, Any]) -> Model:
        """Make a row of `values` (without `obj`) or change them on `obj`; answers the saved row."""
        raise ImproperlyConfigured(f"{type(self).__name__} names no service that saves.")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.delete_through_service(admin_actor(request), obj)

    def delete_through_service(self, actor: Actor, obj: Any) -> None:
        """Delete a row."""
        raise ImproperlyConfigured(f"{type(self).__name__} names no service that deletes.")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        # Without form.save_m2m(): many-to-many values are the service's, like all others.
        for formset in formsets:
            if formset.has_changed() or formset.deleted_forms:
                self.save_rows_through_service(admin_actor(request), form.instance, formset)
            formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []

    def save_rows_through_service(self, actor: Actor, obj: Any, formset: Any) -> None:
        """Save an inline's rows of `obj`."""
        raise ImproperlyConfigured(f"{type(self).__name__} names no service that saves {formset.prefix}.")


def may_edit(request: HttpRequest, obj: Any) -> bool:
    """Whether the user holds the edit grant, where the row (or an inline's parent) knows grants."""
    if obj is None or not hasattr(obj, "grants_for"):
        return True
    return permitted(admin_actor(request), Grant.EDIT, on=obj)


class SymbolSearchMixin:
    """The search is for the beginning of a symbol, however it is typed."""

    search_fields = ("symbol__startswith",)
    search_help_text = "Beginning of the symbol"

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        found: tuple[Any, bool] = super().get_search_results(request, queryset, search_term.upper())  # type: ignore[misc]
        return found


class ReadOnlyMixin:
    """Nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyScopedAdmin(ReadOnlyMixin, ScopedModelAdmin):
    """A list and a page to look at: for ledgers, workflow tables and trails."""

    list_disable_select_all = True
    warn_unsaved_form = False


class ScopedTabularInline(ScopedMixin, TabularInline):
    """Rows below their parent, in a table; its parent saves them through a service."""

    formfield_overrides = _DECIMALS
    extra = 0
    show_change_link = False
    # The row's own text would stand above its columns once more.
    hide_title = True
    #: How many rows one save can add.
    most_new_rows: ClassVar[int] = 100

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        stored = 0 if obj is None else self.get_queryset(request).filter(**{self._parent_field(obj): obj}).count()
        # Without a limit of its own a form that claims to have millions of rows gets 2,000 built.
        most = stored + self.most_new_rows
        return super().get_formset(request, obj, max_num=most, absolute_max=most, **kwargs)

    def _parent_field(self, obj: Any) -> str:
        return next(str(field.name) for field in self.model._meta.fields if field.related_model is type(obj))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and may_edit(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and may_edit(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and may_edit(request, obj)


class ReadOnlyTabularInline(ReadOnlyMixin, ScopedTabularInline):
    """Rows below their parent to look at."""

    can_delete = False
