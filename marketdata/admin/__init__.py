"""Market data in the admin."""

from marketdata.admin.archive import ArchivePartitionAdmin
from marketdata.admin.bars import DailyBarAdmin, IntradayBarAdmin
from marketdata.admin.batches import IngestBatchAdmin
from marketdata.admin.corporate_actions import CorporateActionAdmin
from marketdata.admin.instruments import InstrumentAdmin
from marketdata.admin.quarantines import QuarantineAdmin

__all__ = [
    "ArchivePartitionAdmin",
    "CorporateActionAdmin",
    "DailyBarAdmin",
    "IngestBatchAdmin",
    "InstrumentAdmin",
    "IntradayBarAdmin",
    "QuarantineAdmin",
]
