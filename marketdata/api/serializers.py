"""How market data is taken in and answered."""

from __future__ import annotations

from rest_framework import serializers

from marketdata.models import AssetClass, DailyBar, IngestBatch, Instrument, IntradayBar
from marketdata.services.instruments import EDITABLE
from tradingsite.core.api.serializers import (
    ExactDecimalField,
    FlagField,
    RowSerializer,
    StrictSerializer,
    SymbolField,
    TextField,
)


class InstrumentSerializer(RowSerializer[Instrument]):
    is_tradable = serializers.BooleanField(help_text="Active, with a calendar and a currency.")

    class Meta:
        model = Instrument
        fields = ["id", *EDITABLE, "is_tradable", "created_at", "updated_at"]


class InstrumentChange(StrictSerializer):
    """What can be changed of an instrument; its symbol can't."""

    company_name = TextField(max_length=200, allow_blank=True, required=False)
    asset_class = serializers.ChoiceField(choices=AssetClass.choices, required=False)
    exchange = TextField(max_length=32, allow_blank=True, required=False, help_text="As in NASDAQ, NYSE, CME.")
    calendar = TextField(max_length=32, allow_blank=True, required=False, help_text="As in XNYS; 24/7 for crypto.")
    currency = TextField(max_length=3, allow_blank=True, required=False, help_text="ISO 4217, as in USD.")
    time_zone = TextField(max_length=64, allow_blank=True, required=False, help_text="As in America/New_York.")
    sector = TextField(max_length=100, allow_blank=True, required=False)
    industry = TextField(max_length=100, allow_blank=True, required=False)
    market_cap = ExactDecimalField(places=4, allow_null=True, required=False)
    tick_size = ExactDecimalField(allow_null=True, required=False)
    quantity_step = ExactDecimalField(allow_null=True, required=False)
    lot_size = ExactDecimalField(required=False)
    multiplier = ExactDecimalField(required=False)
    is_active = FlagField(required=False)


class NewInstrument(InstrumentChange):
    """An instrument that nobody has yet."""

    symbol = SymbolField(help_text="Upper-case, as in AAPL, BRK.B, ^GSPC, EUR/USD.")


class DailyBarSerializer(RowSerializer[DailyBar]):
    symbol = serializers.CharField(source="instrument.symbol")

    class Meta:
        model = DailyBar
        fields = [
            "id",
            "symbol",
            "date",
            "open",
            "high",
            "low",
            "close",
            "volume",
            "dividends",
            "stock_splits",
            "batch",
        ]


class IntradayBarSerializer(RowSerializer[IntradayBar]):
    symbol = serializers.CharField(source="instrument.symbol")

    class Meta:
        model = IntradayBar
        fields = [
            "id",
            "symbol",
            "timeframe",
            "timestamp",
            "open",
            "high",
            "low",
            "close",
            "volume",
            "vwap",
            "trade_count",
            "batch",
        ]


class IngestBatchSerializer(RowSerializer[IngestBatch]):
    started_by = serializers.CharField(source="started_by.username", default=None, allow_null=True)

    class Meta:
        model = IngestBatch
        fields = [
            "id",
            "source",
            "timeframe",
            "price_basis",
            "status",
            "started_by",
            "started_at",
            "finished_at",
            "read",
            "inserted",
            "updated",
            "unchanged",
            "rejected",
            "digest",
            "error",
        ]
