"""What the OpenAPI schema says about every operation alike."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from tradingsite.core.api.conditional import GUARDED, ConditionalMixin
from tradingsite.core.api.idempotency import HEADER, PATTERN, REPLAYED
from tradingsite.core.api.viewsets import Endpoint

_PROBLEM_STATUSES = {
    "400": "The input is not valid.",
    "401": "No valid API key and no log-in.",
    "403": "Not allowed.",
    "429": "Asked too often; `Retry-After` says when to come back.",
}
_PRECONDITION = {"412": "It is not the version that `If-Match` names."}
_CONDITIONS = {
    "If-None-Match": "ETags that the caller has; one of them still true: 304 without a body.",
    "If-Match": "The ETag of the version to change; another one by now: 412, and nothing happens.",
}
_REPEATABLE = {
    "409": "The state of things does not allow it; or a request with the same `Idempotency-Key` has not ended.",
    "422": "The `Idempotency-Key` was used for another request.",
}
_NOT_FOUND = {"404": "It does not exist, or is not yours."}
_WRITES = {
    "404": "What the body names does not exist, or is not yours.",
    "409": "The state of things does not allow it.",
}


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457, with a stable `code` and the fields that are wrong."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
    errors = inline_serializer(  # type: ignore[assignment]  # a field; the stubs think of Serializer.errors
        "FieldProblem",
        {"field": serializers.CharField(), "code": serializers.CharField(), "message": serializers.CharField()},
        many=True,
    )


class DeskAutoSchema(AutoSchema):
    """Adds the problems that any operation can answer, and tags by noun."""

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if condition := self._condition():
            parameters += [
                OpenApiParameter(condition, location=OpenApiParameter.HEADER, description=_CONDITIONS[condition]),
                OpenApiParameter(
                    "ETag", location=OpenApiParameter.HEADER, response=[200], description="The version of the row."
                ),
            ]
        if self._is_repeatable():
            parameters += [
                OpenApiParameter(
                    HEADER,
                    {"type": "string", "pattern": PATTERN},
                    OpenApiParameter.HEADER,
                    description="A text of the caller's own, such as a UUID: sent again within 24 hours with the "
                    "same body, the request is not done again but answered as the first time.",
                ),
                OpenApiParameter(
                    REPLAYED,
                    location=OpenApiParameter.HEADER,
                    response=[200, 201, 204],
                    description="`true` when this is the answer of the first time.",
                ),
            ]
        return parameters

    def _is_repeatable(self) -> bool:
        return self.method == "POST" and isinstance(self.view, Endpoint) and self.view.honours_idempotency_key()

    def _condition(self) -> str | None:
        """The header by which this operation asks for a version, if it does."""
        if not isinstance(self.view, ConditionalMixin):
            return None
        action = getattr(self.view, "action", None)
        return "If-Match" if action in GUARDED else "If-None-Match" if action == "retrieve" else None

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> Any:
        responses = super()._get_response_bodies(direction)
        problem = self.resolve_serializer(ProblemSerializer(), "response").ref
        statuses = _PROBLEM_STATUSES | (_WRITES if self.method != "GET" else {})
        statuses |= _NOT_FOUND if "{" in self.path else {}
        if self._is_repeatable():
            statuses |= _REPEATABLE
        match self._condition():
            case "If-Match":
                statuses |= _PRECONDITION
            case "If-None-Match":
                responses.setdefault("304", {"description": "You have this version already."})
        for status, description in statuses.items():
            responses.setdefault(
                status, {"description": description, "content": {"application/problem+json": {"schema": problem}}}
            )
        return responses
