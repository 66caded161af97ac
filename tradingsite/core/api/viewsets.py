"""The base of every endpoint: it starts from what the actor sees."""

from __future__ import annotations

import re
from typing import Any, ClassVar, TypeVar

from django.db import models
from django.db.models import QuerySet
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from tradingsite.core.actor import Actor
from tradingsite.core.api.idempotency import key_of, post_once
from tradingsite.core.api.negotiation import StrictNegotiation
from tradingsite.core.api.renderers import CSVRenderer
from tradingsite.core.api.serializers import MAX_ID, StrictSerializer
from tradingsite.core.api.throttling import failures_counted
from tradingsite.core.errors import FieldError, InvalidInput, NotFound
from tradingsite.core.http import api_actor
from tradingsite.core.visibility import ScopedQuerySet

M = TypeVar("M", bound=models.Model)

_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


class Endpoint(APIView):
    """What views and viewsets of the API share."""

    # A PUT would have to say every column; OPTIONS would describe forms that nobody shows.
    http_method_names = ["get", "head", "post", "patch", "delete"]
    content_negotiation_class = StrictNegotiation
    #: Actions (of a plain view: "post") where `Idempotency-Key` means nothing: their answers hold
    #: secrets, which are not kept, or their body is a stream, which is not read twice and whose
    #: effect is the same when it comes again, or they commit in pieces.
    never_replayed: ClassVar[frozenset[str]] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # Who may do it is settled by now, a replay or not; REST framework looks the handler up after this.
        if request.method == "POST" and self.honours_idempotency_key() and request.user.is_authenticated:
            key = key_of(request)
            if key is not None:
                self.post = post_once(self, self.post, key)  # type: ignore[has-type]  # the action's

    def honours_idempotency_key(self) -> bool:
        """Whether this POST, sent again with its `Idempotency-Key`, is answered from the first time."""
        # Where everybody may come, there is nobody to keep an answer for.
        known = bool(self.authentication_classes)
        return known and (getattr(self, "action", None) or "post") not in self.never_replayed

    def check_replay(self, answered: Any) -> None:
        """Raise when the caller may not see this stored answer any more."""

    def perform_authentication(self, request: Request) -> None:
        with failures_counted(request):
            super().perform_authentication(request)
        # Before the permissions are asked, so that what they refuse is counted as well.
        super().check_throttles(request)

    def check_throttles(self, request: Request) -> None:
        """Nothing more: it was done with the authentication."""

    @property
    def actor(self) -> Actor:
        return api_actor(self.request)

    def body(self, serializer: type[StrictSerializer], *, partial: bool = False) -> dict[str, Any]:
        """The request's body, validated. Raises ValidationError with the fields that are wrong.

        With `partial` every field may be missing, but not all of them.
        """
        checked = serializer(data=self.request.data, partial=partial)
        checked.is_valid(raise_exception=True)
        values = dict(checked.validated_data)
        if partial and not values:
            raise InvalidInput(f"Name what to change: {', '.join(checked.fields)}.")
        return values


class ScopedViewSet(Endpoint, GenericViewSet[Any]):
    """An endpoint over one model; subclasses name `model`, `serializer_class` and `keyset`."""

    model: ClassVar[type[models.Model]]
    #: The order of the list: never null, together unique (`KeysetPagination`).
    keyset: tuple[str, ...] = ("-id",)
    #: Relations that the serializer reads, so that a list is a fixed number of queries.
    related: ClassVar[tuple[str, ...]] = ()
    prefetched: ClassVar[tuple[str, ...]] = ()

    def get_queryset(self) -> QuerySet[Any]:
        queryset = self.rows(self.model).select_related(*self.related).prefetch_related(*self.prefetched)
        return queryset.none() if self.is_documented else queryset

    def get_object(self) -> Any:
        """The row named in the path, with what the serializer reads of it."""
        return find(self.get_queryset(), self.kwargs["pk"])

    def visible(self, model: type[M], pk: str) -> M:
        """The row with this id if the actor may see it; else NotFound, the same as if it did not exist."""
        row: M = find(self.rows(model), pk)
        return row

    def named(self, model: type[M], pk: int, *, field: str) -> M:
        """The row that a body names by its id. Raises NotFound, the same when it may not be seen."""
        row: M | None = self.rows(model).filter(pk=pk).first()
        if row is None:
            message = f"There is no {model._meta.verbose_name} with this id."
            raise NotFound(message, errors=[FieldError(field, "not_found", message)])
        return row

    def rows(self, model: type[models.Model]) -> QuerySet[Any]:
        """The rows of a model that the actor sees."""
        queryset = model._default_manager.all()
        assert isinstance(queryset, ScopedQuerySet)  # noqa: S101  # a model without isolation is a bug
        return queryset if self.is_documented else queryset.visible_to(self.actor)

    def check_replay(self, answered: Any) -> None:
        """Raise NotFound when the row of the path, or the row that was answered, is there but not seen any more.

        One that is deleted since was the caller's to see, and they learn what they did.
        """
        visible = self.get_queryset()
        pk = answered.get("id") if isinstance(answered, dict) else None
        if pk is None or visible.filter(pk=pk).exists():
            return
        if self.model._base_manager.filter(pk=pk).exists():
            raise NotFound

    @property
    def is_documented(self) -> bool:
        """Whether the schema generator looks at the view: there is no actor then."""
        return bool(getattr(self, "swagger_fake_view", False))


def find(queryset: QuerySet[Any], pk: str) -> Any:
    """The row with this id, as it stands in a path. Raises NotFound."""
    row = queryset.filter(pk=int(pk)).first() if _ID.fullmatch(pk) and int(pk) <= MAX_ID else None
    if row is None:
        raise NotFound
    return row


class ListViewSet(mixins.ListModelMixin, ScopedViewSet):
    """A list that can also be had as CSV, by `?format=csv` or `Accept`."""

    def get_renderers(self) -> Any:
        renderers = super().get_renderers()
        if getattr(self, "action", None) == "list":
            renderers.append(CSVRenderer())
        return renderers


class ReadOnlyScopedViewSet(ListViewSet, mixins.RetrieveModelMixin):
    """List and retrieve."""
