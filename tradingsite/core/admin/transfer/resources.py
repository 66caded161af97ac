"""Rows in and out: what is exported is seen, what is imported goes through a service."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured, ValidationError
from import_export import fields, resources, widgets

from tradingsite.core.admin.forms import refusal_messages
from tradingsite.core.admin.numbers import plain_number
from tradingsite.core.errors import DeskError, NotFound
from tradingsite.core.fields import ExactDecimalField
from tradingsite.core.visibility import ScopedQuerySet

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

    from tradingsite.core.actor import Actor

# The column of a path to another table's name is called as the relation.
_NAME_SUFFIXES = ("__name", "__symbol", "__username")


class PlainDecimalWidget(widgets.DecimalWidget):
    """Decimals without the zeros that the column's scale adds."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else plain_number(value)


class ScopedResource(resources.ModelResource):
    """Rows that the actor sees; without an actor there are none."""

    def __init__(self, actor: Actor | None = None, **kwargs: Any) -> None:
        super().__init__()
        self.actor = actor

    def get_queryset(self) -> QuerySet[Any]:
        queryset = super().get_queryset()
        if self.actor is None or not isinstance(queryset, ScopedQuerySet):
            nothing: QuerySet[Any] = queryset.none()
            return nothing
        return queryset.visible_to(self.actor)


@cache
def export_resource(model: type[Model], paths: tuple[str, ...]) -> type[ScopedResource]:
    """A resource that writes these columns, which may lead to another table's (portfolio__name)."""
    columns = {}
    for path in paths:
        name = path
        for suffix in _NAME_SUFFIXES:
            name = name.removesuffix(suffix)
        columns[name] = fields.Field(attribute=path, column_name=name, widget=_widget(model, path), readonly=True)
    meta = type("Meta", (), {"model": model, "fields": tuple(columns), "name": str(model._meta.verbose_name_plural)})
    resource: type[ScopedResource] = type(f"{model.__name__}Export", (ScopedResource,), {**columns, "Meta": meta})
    return resource


def _widget(model: Any, path: str) -> widgets.Widget:
    if "__" in path or not any(field.name == path for field in model._meta.fields):
        return widgets.Widget()
    field = model._meta.get_field(path)
    if isinstance(field, ExactDecimalField):
        return PlainDecimalWidget()
    return resources.ModelResource.widget_from_django_field(field)()


class ImportResource(ScopedResource):
    """Reads rows and hands each to a service; ids are never taken.

    Subclasses say `save_row`. What the service refuses stands beside the row in the preview.
    The preview is the import itself, rolled back.
    """

    @property
    def importer(self) -> Actor:
        """Who imports: the page gives one."""
        if self.actor is None:
            raise ImproperlyConfigured(f"{type(self).__name__} was made for nobody, so it saves nothing.")
        return self.actor

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        names = [field.column_name for field in self.get_import_fields()]
        self.given = {name for name in names if name in row}

    def do_instance_save(self, instance: Any, is_create: bool) -> None:
        values = {
            field.attribute: getattr(instance, field.attribute)
            for field in self.get_import_fields()
            if field.column_name in self.given
        }
        try:
            saved = self.save_row(self.importer, instance, is_create, values)
        except DeskError as refusal:
            raise as_validation_error(refusal) from None
        instance.__dict__.update(saved.__dict__)

    def save_row(self, actor: Actor, instance: Any, is_create: bool, values: dict[str, Any]) -> Model:
        """Save the columns that the file has, through a service, as who imports; answers the saved row."""
        raise NotImplementedError(f"{type(self).__name__}.save_row")

    def after_import(self, dataset: Any, result: Any, **kwargs: Any) -> None:
        """Nothing: no ids were taken, so no sequence has to be set."""


class VisibleRowWidget(widgets.CharWidget):
    """The name of another row, looked up among those that the actor sees."""

    def __init__(self, actor: Actor, model: Any, name: str = "name") -> None:
        super().__init__()
        self.actor, self.model, self.name = actor, model, name

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        text = str(value or "").strip()
        if not text:
            return None
        rows = list(self.model.objects.all().visible_to(self.actor).filter(**{self.name: text})[:2])
        if len(rows) != 1:
            # The same for a row of somebody else's as for none at all.
            raise ValueError(f"There is no {self.model._meta.verbose_name} named {text!r}.")
        return rows[0]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else str(getattr(value, self.name))


def as_validation_error(refusal: DeskError) -> ValidationError:
    """A service's refusal as the preview shows it, by field."""
    if isinstance(refusal, NotFound):
        return ValidationError(refusal.detail)
    by_field: dict[str, list[str]] = {}
    for field, message in refusal_messages(refusal):
        by_field.setdefault(field or "__all__", []).append(message)
    return ValidationError({field: list(messages) for field, messages in _sorted(by_field.items())})


def _sorted(items: Iterable[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    return sorted(items)
