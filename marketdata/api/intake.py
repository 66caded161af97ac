"""Rows in bulk over HTTP: what the endpoints that take bars and ticks share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import orjson
from django.conf import settings
from django.db import Error
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from tradingsite.core.api.filters import refuse_unknown
from tradingsite.core.api.streams import read_away, spooled
from tradingsite.core.api.viewsets import Endpoint
from tradingsite.core.errors import DeskError, InvalidInput
from tradingsite.core.text import is_storable

# The form of each media type, by the names of `marketdata.ingest.files.Form`.
MEDIA_TYPES = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-jsonlines": "ndjson",
    "text/csv": "csv",
    "application/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
    "application/parquet": "parquet",
    "application/vnd.apache.arrow.stream": "arrow",
    "application/vnd.apache.arrow.file": "feather",
}
SHOWN_TYPES = (
    *("application/json", "application/x-ndjson", "text/csv"),
    *("application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"),
)
# What sentences of the ingest service call the options of the commands.
_OPTIONS = re.compile(r"--(timezone|symbol|round|create-symbols|prices (?:raw|split|all)|on-error abort)")
_SPELLINGS = {"timezone": "time_zone", "round": "round=true", "create-symbols": "create_symbols=true"}

SUMMARY = inline_serializer(
    "IngestSummary",
    {
        "batch": serializers.IntegerField(help_text="Its record, under `ingest-batches`.", allow_null=True),
        **{name: serializers.IntegerField() for name in ("read", "inserted", "updated", "unchanged", "rejected")},
        "notes": serializers.ListField(child=serializers.CharField()),
        "rejects": inline_serializer(
            "RejectedRow",
            {
                "row": serializers.IntegerField(help_text="Line of a text (of CSV with its header), else the row."),
                "code": serializers.CharField(),
                "message": serializers.CharField(),
            },
            many=True,
        ),
    },
)
RESPONSES: dict[Any, Any] = {
    (200, "application/json"): OpenApiResponse(SUMMARY, description="read is the sum of the others."),
    (413, "application/problem+json"): OpenApiResponse(OpenApiTypes.OBJECT, description="Larger than BARS_MAX_BODY."),
    (415, "application/problem+json"): OpenApiResponse(
        OpenApiTypes.OBJECT, description="Another Content-Type or Content-Encoding than those named."
    ),
}
REQUEST: dict[Any, Any] = {
    "application/json": OpenApiTypes.OBJECT,
    "application/x-ndjson": OpenApiTypes.STR,
    "text/csv": OpenApiTypes.STR,
    "application/vnd.apache.parquet": OpenApiTypes.BINARY,
    "application/vnd.apache.arrow.stream": OpenApiTypes.BINARY,
}
ENCODING = OpenApiParameter(
    "Content-Encoding", location=OpenApiParameter.HEADER, enum=["gzip", "zstd"], description="How the body is packed."
)
COMMON = [
    ENCODING,
    OpenApiParameter(
        "on_error",
        enum=["reject", "abort"],
        default="reject",
        description="A bad row: leave it out and load the others, or load nothing (400 `rows_refused` names the rows).",
    ),
    OpenApiParameter("create_symbols", bool, description="Make instruments of unknown symbols.", default=False),
    OpenApiParameter("symbol", description="Symbol of all rows, where they don't name theirs."),
    OpenApiParameter("time_zone", description="IANA name of the zone that times without an offset are meant in."),
    OpenApiParameter("round", bool, description="Round numbers to 8 decimals and 15 digits.", default=False),
    OpenApiParameter("source", description="What the batch says the rows came from.", default="api"),
]
COMMON_NAMES = frozenset({"on_error", "create_symbols", "symbol", "time_zone", "round", "source"})


class LoadBrokeOff(DeskError):
    """The load broke off; what was loaded before stays, and the sentence counts it."""

    code = "ingest_failed"
    title = "The load broke off"

    def __init__(self, detail: str, *, status: int) -> None:
        super().__init__(detail)
        self.status = status


class Intake(Endpoint):
    """An endpoint whose POST takes rows in bulk: read in pieces into a file, loaded when the body is whole."""

    #: For CleanInputMiddleware: the body may be compressed, in chunks, and larger than a form.
    streams_body: ClassVar[bool] = True
    # The same body sent again changes nothing, and is not kept for a comparison.
    never_replayed: ClassVar[frozenset[str]] = frozenset({"post", "create"})

    def handle_exception(self, exc: Exception) -> Any:
        if self.request.method == "POST":
            read_away(self.request._request)
        return super().handle_exception(exc)

    def loaded(self, request: Request, load: Callable[[Any], Any], *, words: Any = None) -> HttpResponse:
        """The answer to a body that `load` takes as a source; its errors in the words of the API.

        `words` say what columns and keys mean, those of bars unless they are named.
        """
        # Imported here: pyarrow would slow down every command.
        from marketdata.ingest.files import Form, open_body
        from marketdata.ingest.headers import BAR_WORDS
        from marketdata.ingest.summary import IngestFailed, RowsRefused

        form = Form(form_of(request))
        name = source_name(request.query_params)
        with spooled(request._request, limit=settings.BARS_MAX_BODY) as (path, size):
            try:
                summary = load(open_body(path, name=name, form=form, size=size, words=words or BAR_WORDS))
            except RowsRefused as error:
                raise _reworded(error) from None
            except IngestFailed as error:
                raise _broke_off(error) from error
            except InvalidInput as error:
                raise _reworded(error) from None
        answer = summary.as_dict()
        rejects = [
            {"row": reject["line"], "code": reject["code"], "message": in_parameters(reject["message"])}
            for reject in answer["rejects"]
        ]
        kept = ("batch", "read", "inserted", "updated", "unchanged", "rejected")
        body = {
            **{key: answer[key] for key in kept},
            "notes": [in_parameters(note) for note in answer["notes"]],
            "rejects": rejects,
        }
        return HttpResponse(orjson.dumps(body), content_type="application/json")


def form_of(request: Request) -> str:
    """The form that Content-Type says. Raises UnsupportedMediaType for another."""
    media_type = str(request._request.content_type or "").lower()
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaType(media_type, f"Content-Type is one of {', '.join(SHOWN_TYPES)}.")
    return MEDIA_TYPES[media_type]


def source_name(parameters: Mapping[str, str]) -> str:
    """What the batch is called. Raises InvalidInput for what is no short text."""
    name = parameters.get("source") or "api"
    if len(name) > 200 or not is_storable(name):
        raise InvalidInput.field("source", "source is a text of at most 200 characters.", code="invalid_source")
    return name


def common_options(request: Request, *, more: frozenset[str]) -> dict[str, Any]:
    """The options that all rows share, as `LoadOptions` takes them. Raises InvalidInput naming the wrong one."""
    from marketdata.ingest.options import OnError, find_zone
    from tradingsite.core.symbols import normalise_symbol

    refuse_unknown(request, COMMON_NAMES | more)
    parameters = request.query_params
    zone, symbol = parameters.get("time_zone"), parameters.get("symbol")
    if zone:
        find_zone(zone)
    return {
        "symbol": normalise_symbol(symbol) if symbol else None,
        "time_zone": zone or None,
        "create_symbols": flag(parameters, "create_symbols"),
        "on_error": OnError(choice(parameters, "on_error", OnError.values, "reject")),
        "round_floats": flag(parameters, "round"),
    }


def flag(parameters: Mapping[str, str], name: str) -> bool:
    """A parameter that is true or false. Raises InvalidInput."""
    return choice(parameters, name, ("true", "false", "1", "0"), "false") in ("true", "1")


def choice(parameters: Mapping[str, str], name: str, known: Any, default: str) -> str:
    """A parameter that is one of the known words. Raises InvalidInput."""
    value = parameters.get(name) or default
    if value not in known:
        raise InvalidInput.field(name, f"{name} is {' or '.join(known)}, not {value[:40]!r}.", code=f"invalid_{name}")
    return value


def in_parameters(sentence: str) -> str:
    """The sentence with the commands' options spelt as parameters of the request."""
    return _OPTIONS.sub(lambda match: _SPELLINGS.get(match[1], match[1].replace(" ", "=").replace("-", "_")), sentence)


def _reworded(error: InvalidInput) -> InvalidInput:
    error.detail = in_parameters(error.detail)
    error.errors = tuple(type(wrong)(wrong.field, wrong.code, in_parameters(wrong.message)) for wrong in error.errors)
    return error


def _broke_off(error: Any) -> LoadBrokeOff:
    """The counts of what stays, in the sentence; a database that fails is no fault of the body's."""
    counts, batch = error.summary.counts, error.summary.batch
    status = 503 if isinstance(error.__cause__, Error) else 400
    stays = (
        f"Loaded before and kept, as batch {batch.pk}: inserted {counts.inserted:,}, updated {counts.updated:,}, "
        f"unchanged {counts.unchanged:,}, rejected {counts.rejected:,} of {counts.read:,} rows read. "
        "Sending the whole again changes none of them."
    )
    return LoadBrokeOff(f"{in_parameters(error.detail)} {stays}", status=status)
