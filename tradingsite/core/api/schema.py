"""What the OpenAPI schema says about every operation alike."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

_PROBLEM_STATUSES = {"400": "The input is not valid.", "401": "No valid API key.", "403": "Not allowed."}
_NOT_FOUND = {"404": "It does not exist, or is not yours."}


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

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> Any:
        responses = super()._get_response_bodies(direction)
        problem = self.resolve_serializer(ProblemSerializer(), "response").ref
        statuses = _PROBLEM_STATUSES | (_NOT_FOUND if "{" in self.path else {})
        for status, description in statuses.items():
            responses.setdefault(
                status, {"description": description, "content": {"application/problem+json": {"schema": problem}}}
            )
        return responses
