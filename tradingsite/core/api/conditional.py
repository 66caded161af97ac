"""`ETag`, `If-None-Match` and `If-Match`: nobody overwrites what they have not seen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import orjson
from django.utils.http import parse_etags
from rest_framework.request import Request
from rest_framework.response import Response

from tradingsite.core.errors import PreconditionFailed
from tradingsite.core.locking import lock
from tradingsite.core.transactions import in_transaction

H = TypeVar("H", bound=Callable[..., Response])

#: The actions of a viewset that `if_match` guards, as the schema tells.
GUARDED = frozenset({"partial_update", "destroy"})


def etag_of(data: Any) -> str:
    """The strong entity tag of an answer: the same exactly while the answer is."""
    return f'"{hashlib.sha256(orjson.dumps(data, default=str)).hexdigest()[:32]}"'


class ConditionalMixin:
    """One row's page answers with its `ETag`, and with 304 and no body to who has it already.

    Changes go through `if_match`. Stands before the viewset's base.
    """

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = cast(Response, super().retrieve(request, *args, **kwargs))  # type: ignore[misc]  # the viewset's
        etag = etag_of(response.data)
        known = parse_etags(request.headers.get("If-None-Match", ""))
        if "*" in known or etag in {tag.removeprefix("W/") for tag in known}:
            response = Response(status=304)
        response["ETag"] = etag
        return response

    def current_etag(self) -> str:
        """The tag of the row in the path, as it is now."""
        view = cast(Any, self)
        return etag_of(view.get_serializer(view.get_object()).data)


def if_match(handler: H) -> H:
    """A change that, where the caller says `If-Match`, happens only to the version that they know.

    The row is locked from the comparison to the end of the change, so that of two who know
    the same version one succeeds. Raises PreconditionFailed. The answer carries the new `ETag`.
    """

    @wraps(handler)
    def guarded(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        offered = request.headers.get("If-Match")
        response = handler(view, request, *args, **kwargs) if offered is None else change(view, request, args, kwargs)
        if response.data is not None and response.status_code == 200:
            response["ETag"] = etag_of(response.data)
        return response

    @in_transaction
    def change(view: Any, request: Request, args: Any, kwargs: Any) -> Response:
        lock(view.get_object())
        known = parse_etags(request.headers["If-Match"])
        # A weak tag says "much the same", which is not enough to change something by.
        if "*" not in known and view.current_etag() not in known:
            raise PreconditionFailed("It was changed since you read it. Read it again, then decide.")
        return handler(view, request, *args, **kwargs)

    return cast(H, guarded)
