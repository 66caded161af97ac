from marketdata.models.archive import ArchiveKind, ArchivePartition, ArchiveRowGroup, PartitionStatus
from marketdata.models.bar import Bar, DailyBar, IntradayBar
from marketdata.models.batch import BatchKind, BatchStatus, IngestBatch, PriceBasis
from marketdata.models.corporate_action import ActionKind, CorporateAction
from marketdata.models.instrument import AssetClass, Instrument
from marketdata.models.revision import BarRevision, Quarantine
from marketdata.models.tick import Tick

__all__ = [
    "ActionKind",
    "ArchiveKind",
    "ArchivePartition",
    "ArchiveRowGroup",
    "AssetClass",
    "Bar",
    "BarRevision",
    "BatchKind",
    "BatchStatus",
    "CorporateAction",
    "DailyBar",
    "IngestBatch",
    "Instrument",
    "IntradayBar",
    "PartitionStatus",
    "PriceBasis",
    "Quarantine",
    "Tick",
]
