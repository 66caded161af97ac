"""The base of every endpoint: it starts from what the actor sees."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django.db import models
from django.db.models import QuerySet
from rest_framework import mixins
from rest_framework.renderers import BaseRenderer
from rest_framework.settings import api_settings
from rest_framework.viewsets import GenericViewSet

from tradingsite.core.actor import Actor
from tradingsite.core.api.renderers import CSVRenderer
from tradingsite.core.api.serializers import StrictSerializer
from tradingsite.core.errors import NotFound
from tradingsite.core.http import api_actor
from tradingsite.core.visibility import ScopedQuerySet

M = TypeVar("M", bound=models.Model)
MAX_ID = 2**63 - 1


class ScopedViewSet(GenericViewSet[Any]):
    """An endpoint over one model; subclasses name `model`, `serializer_class` and `keyset`."""

    model: ClassVar[type[models.Model]]
    #: The order of the list: never null, together unique (`KeysetPagination`).
    keyset: ClassVar[tuple[str, ...]] = ("-id",)
    #: Relations that the serializer reads, so that a list is a fixed number of queries.
    related: ClassVar[tuple[str, ...]] = ()
    lookup_value_regex = r"[^/]+"

    @property
    def actor(self) -> Actor:
        return api_actor(self.request)

    def get_queryset(self) -> QuerySet[Any]:
        queryset = self.model._default_manager.all()
        assert isinstance(queryset, ScopedQuerySet)  # noqa: S101  # a model without isolation is a bug
        if getattr(self, "swagger_fake_view", False):
            return queryset.none()
        return queryset.visible_to(self.actor).select_related(*self.related)

    def get_object(self) -> Any:
        return self.visible(self.model, self.kwargs[self.lookup_url_kwarg or self.lookup_field])

    def visible(self, model: type[M], pk: str) -> M:
        """The row with this id if the actor may see it; else NotFound, the same as if it did not exist."""
        queryset = model._default_manager.all()
        assert isinstance(queryset, ScopedQuerySet)  # noqa: S101  # a model without isolation is a bug
        if not (pk.isascii() and pk.isdigit() and int(pk[:20]) <= MAX_ID):
            raise NotFound
        row = queryset.visible_to(self.actor).filter(pk=int(pk)).first()
        if row is None:
            raise NotFound
        return row

    def body(self, serializer: type[StrictSerializer]) -> dict[str, Any]:
        """The request's body, validated. Raises ValidationError with the fields that are wrong."""
        checked = serializer(data=self.request.data)
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)


class ListMixin(mixins.ListModelMixin):
    """A list that can also be had as CSV, by `?format=csv` or `Accept`."""

    def get_renderers(self) -> list[BaseRenderer]:
        renderers = [renderer() for renderer in api_settings.DEFAULT_RENDERER_CLASSES]
        if getattr(self, "action", None) == "list":
            renderers.append(CSVRenderer())
        return renderers


class ReadOnlyScopedViewSet(ListMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """List and retrieve."""
