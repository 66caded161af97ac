"""`Idempotency-Key`: a POST that comes again is answered as the first time and done once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from tradingsite.core.errors import InvalidInput
from tradingsite.core.idempotency import Answer, Claim, answer_once

if TYPE_CHECKING:
    from tradingsite.core.api.viewsets import Endpoint

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
#: Visible ASCII, as the schema tells it too.
PATTERN = "^[!-~]{1,255}$"

_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
# Those that belong to what the answer says; the others are made anew for each answer.
_STORED = ("Content-Type", "Location", "ETag")


def key_of(request: Request) -> str | None:
    """The key that the caller sent; None without one. Raises InvalidInput for what is none."""
    text = request.headers.get(HEADER)
    if text is None:
        return None
    if not _KEY.fullmatch(text):
        raise InvalidInput.field(
            HEADER, f"{HEADER} is 1 to 255 visible ASCII characters.", code="invalid_idempotency_key"
        )
    return str(text)


def post_once(view: Endpoint, handler: Callable[..., Response], key: str) -> Callable[..., Any]:
    """The handler, doing its work once for this key of the caller's."""

    def post(request: Request, *args: Any, **kwargs: Any) -> Any:
        response: Response | None = None

        def work() -> Answer:
            nonlocal response
            response = rendered(view, request, handler(request, *args, **kwargs))
            headers = {name: response[name] for name in _STORED if name in response}
            return Answer(response.status_code, response.content, headers)

        # Read before the parser does, and refused with 413 when it is too large.
        claim = Claim.of(actor=view.actor, key=key, request=as_received(request), path=request._request.path_info)
        answer = answer_once(claim, work)
        if not answer.replayed:
            return response
        view.check_replay(_json(answer.body))
        return replay(answer)

    return post


def as_received(request: Request) -> bytes:
    """What the request asks, unmistakably: the path with its query, the kind of body and the body."""
    asked = request._request
    query = asked.META.get("QUERY_STRING", "")
    parts = (str(asked.method), asked.path_info, query, asked.META.get("CONTENT_TYPE", ""))
    # As JSON, so that no part can reach into the next.
    return orjson.dumps([part.encode("utf-8", "replace").decode() for part in parts]) + bytes(asked.body)


def rendered(view: Endpoint, request: Request, response: Response) -> Response:
    """The answer with its bytes, made within the transaction that stores them."""
    if not response.is_rendered:
        response.accepted_renderer = request.accepted_renderer
        response.accepted_media_type = request.accepted_media_type
        response.renderer_context = view.get_renderer_context()  # type: ignore[attr-defined]  # not in the stubs
        response.render()
    return response


def replay(answer: Answer) -> HttpResponse:
    """The stored answer, saying that it is one."""
    response = HttpResponse(answer.body, status=answer.status)
    # Django's own, which an answer without a body does not have.
    del response["Content-Type"]
    for name, value in {**answer.headers, REPLAYED: "true"}.items():
        response[name] = value
    return response


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
