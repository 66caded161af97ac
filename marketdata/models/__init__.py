from marketdata.models.bar import Bar, DailyBar, IntradayBar
from marketdata.models.batch import BatchStatus, IngestBatch, PriceBasis
from marketdata.models.instrument import AssetClass, Instrument

__all__ = [
    "AssetClass",
    "Bar",
    "BatchStatus",
    "DailyBar",
    "IngestBatch",
    "Instrument",
    "IntradayBar",
    "PriceBasis",
]
