"""How signals are taken in and answered."""

from __future__ import annotations

from rest_framework import serializers

from trading.models import Signal, SignalType
from trading.services.signals import MAX_REASON_LENGTH, MAX_REASONS
from tradingsite.core.api.serializers import (
    DayField,
    ExactDecimalField,
    IdField,
    MomentField,
    RowSerializer,
    StrictSerializer,
    SymbolField,
    TextField,
)
from tradingsite.core.timeframes import Timeframe


class SignalSerializer(RowSerializer[Signal]):
    owner = serializers.CharField(source="owner.username")
    reasons = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Signal
        fields = [
            "id",
            "owner",
            "portfolio",
            "symbol",
            "date",
            "timeframe",
            "generated_at",
            "signal_type",
            "signal_value",
            "confidence",
            "entry_price",
            "target_price",
            "stop_loss",
            "regime",
            "reasons",
            "created_at",
        ]


class NewSignal(StrictSerializer):
    """A signal, kept as it is given."""

    portfolio = IdField(required=False, allow_null=True, help_text="Shares the signal with the portfolio's members.")
    symbol = SymbolField()
    date = DayField(help_text="The session that the signal is for.")
    timeframe = serializers.ChoiceField(choices=Timeframe.choices, required=False)
    generated_at = MomentField(required=False, help_text="When the signal was made; now when left out.")
    signal_type = serializers.ChoiceField(choices=SignalType.choices)
    signal_value = ExactDecimalField(required=False, allow_null=True, help_text="The model's raw output.")
    confidence = ExactDecimalField(
        places=2, max_digits=5, min_value=0, max_value=100, required=False, allow_null=True, help_text="0 to 100."
    )
    entry_price = ExactDecimalField(required=False, allow_null=True)
    target_price = ExactDecimalField(required=False, allow_null=True)
    stop_loss = ExactDecimalField(required=False, allow_null=True)
    regime = TextField(max_length=40, required=False, allow_blank=True, help_text="As in trending, ranging.")
    reasons = serializers.ListField(
        child=TextField(max_length=MAX_REASON_LENGTH), max_length=MAX_REASONS, required=False, help_text="Sentences."
    )
