"""What a page of the admin may show: everything starts from what the actor sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.widgets import AutocompleteSelect, RelatedFieldWidgetWrapper

from tradingsite.core.http import admin_actor
from tradingsite.core.visibility import ScopedQuerySet

if TYPE_CHECKING:
    from django.db.models import ForeignKey, ManyToManyField, QuerySet
    from django.http import HttpRequest

# Fewer than overflow any engine's integer.
MOST_DIGITS = 18


def visible_rows(request: HttpRequest, model: Any) -> QuerySet[Any]:
    """The rows of a model that exist as far as the logged-in user can tell."""
    return scoped(request, model._default_manager.all())


def scoped(request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
    """The queryset cut down to what the user sees; a model that can't be cut is a bug, not a leak."""
    if not isinstance(queryset, ScopedQuerySet):
        raise TypeError(f"{queryset.model.__name__} has no visible_to, so the admin can't show it.")
    return queryset.visible_to(admin_actor(request))


class ScopedAutocomplete(AutocompleteSelect):
    """Django's search box, which breaks when its form comes back with a value that is no id."""

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        ids = [text for text in map(str, value) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS]
        return super().optgroups(name, ids, attr)


class ScopedMixin:
    """Shared by pages and inlines: rows, select boxes and autocompletes hold what the actor sees."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return scoped(request, super().get_queryset(request))  # type: ignore[misc]  # Django's, by mixing in

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]  # likewise
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            # No buttons that open other tables' forms in windows of their own.
            for button in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{button}_related", False)
        return field

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if not db_field.blank and not db_field.has_default():
            # Nothing is chosen for people: no signal is a BUY because that stands first.
            kwargs.setdefault("choices", [("", "Choose one"), *db_field.flatchoices])
        return super().formfield_for_choice_field(db_field, request, **kwargs)  # type: ignore[misc]  # likewise

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault("queryset", visible_rows(request, db_field.related_model))
        if db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]  # Django's
            kwargs.setdefault("widget", ScopedAutocomplete(db_field, self.admin_site))  # type: ignore[attr-defined]
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]  # likewise

    def formfield_for_manytomany(self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault("queryset", visible_rows(request, db_field.related_model))
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]  # likewise
