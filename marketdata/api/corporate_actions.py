"""Splits and dividends over HTTP."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketdata.actions.values import ActionValues, parse_ratio
from marketdata.api.filters import BarFilters
from marketdata.models import ActionKind, CorporateAction
from marketdata.services.corporate_actions import (
    LONGEST_REASON,
    record_corporate_action,
    retract_corporate_action,
)
from tradingsite.core.api.filters import FlagFilter, day_range
from tradingsite.core.api.serializers import (
    DayField,
    ExactDecimalField,
    MomentField,
    RowSerializer,
    StrictSerializer,
    SymbolField,
    TextField,
    WholeNumberField,
)
from tradingsite.core.api.viewsets import ReadOnlyScopedViewSet
from tradingsite.core.errors import InvalidInput


class CorporateActionSerializer(RowSerializer[CorporateAction]):
    symbol = serializers.CharField(source="instrument.symbol")
    ratio = serializers.SerializerMethodField(help_text="Of a split, new shares for old ones, as in 4:1.")

    class Meta:
        model = CorporateAction
        fields = [
            *("id", "symbol", "kind", "ex_date", "number", "ratio", "new_shares", "old_shares", "amount", "currency"),
            *("pay_date", "known_at", "source", "batch", "recorded_at", "retracted_at"),
        ]

    def get_ratio(self, action: CorporateAction) -> str | None:
        return f"{action.new_shares}:{action.old_shares}" if action.kind == ActionKind.SPLIT else None


class RatioField(TextField):
    """A split's ratio, as `parse_ratio` reads it."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return parse_ratio(super().to_internal_value(data))
        except InvalidInput as error:
            raise serializers.ValidationError(error.detail, code=error.errors[0].code) from None


class NewCorporateAction(StrictSerializer):
    """A split with its ratio, or a dividend with its amount."""

    symbol = SymbolField()
    kind = serializers.ChoiceField(choices=ActionKind.choices)
    ex_date = DayField(help_text="The first session that trades without it, at the exchange.")
    ratio = RatioField(
        required=False,
        max_length=40,
        help_text="New shares for old ones: 4:1, 4/1, or a number such as 4 or 0.1.",
    )
    amount = ExactDecimalField(required=False, help_text="Cash a share.")
    currency = TextField(required=False, max_length=3, help_text="ISO 4217; the instrument's where it is not said.")
    pay_date = DayField(required=False)
    known_at = MomentField(required=False, help_text="When it became known; the ex-date's beginning unless said.")
    number = WholeNumberField(
        required=False, min_value=1, max_value=100, help_text="Which of the day's of its kind, where there are several."
    )
    source = TextField(  # type: ignore[assignment]  # REST framework takes declared fields off the class
        required=False, max_length=255, allow_blank=True, help_text="Where it comes from."
    )


class Retraction(StrictSerializer):
    """Why an action is taken back."""

    reason = TextField(max_length=LONGEST_REASON)


class CorporateActionFilters(BarFilters):
    kind = django_filters.ChoiceFilter(choices=ActionKind.choices)
    start, end = day_range("ex_date")
    retracted = FlagFilter(method="by_retraction", label="Those taken back (true), or those that hold (false).")

    def by_retraction(self, queryset: QuerySet[Any], name: str, flag: bool) -> QuerySet[Any]:
        return queryset.filter(retracted_at__isnull=not flag)


@extend_schema_view(
    list=extend_schema(summary="Splits and dividends, those taken back too"),
    retrieve=extend_schema(summary="One split or dividend"),
)
class CorporateActionViewSet(ReadOnlyScopedViewSet):
    model = CorporateAction
    serializer_class = CorporateActionSerializer
    filterset_class = CorporateActionFilters
    keyset = ("instrument_id", "ex_date", "id")
    related = ("instrument",)
    permissions: ClassVar[dict[str, str]] = {"retract": "marketdata.change_corporateaction"}

    @extend_schema(
        summary="Enter a split or a dividend; prices are adjusted by it from now on",
        request=NewCorporateAction,
        responses={201: CorporateActionSerializer},
    )
    def create(self, request: Request) -> Response:
        values = self.body(NewCorporateAction)
        new, old = values.get("ratio") or (None, None)
        action = record_corporate_action(
            actor=self.actor,
            symbol=values["symbol"],
            source=values.get("source", ""),
            values=ActionValues(
                kind=ActionKind(values["kind"]),
                ex_date=values["ex_date"],
                new_shares=new,
                old_shares=old,
                amount=values.get("amount"),
                currency=values.get("currency", ""),
                pay_date=values.get("pay_date"),
                known_at=values.get("known_at"),
                number=values.get("number"),
            ),
        )
        return Response(CorporateActionSerializer(action).data, status=201)

    @extend_schema(
        summary="Take a split or a dividend back", request=Retraction, responses={200: CorporateActionSerializer}
    )
    def retract(self, request: Request, pk: str) -> Response:
        action = self.get_object()
        retracted = retract_corporate_action(actor=self.actor, action=action, **self.body(Retraction))
        return Response(CorporateActionSerializer(retracted).data)
