"""Market data in the admin."""

from marketdata.admin.bars import DailyBarAdmin, IntradayBarAdmin
from marketdata.admin.batches import IngestBatchAdmin
from marketdata.admin.instruments import InstrumentAdmin

__all__ = ["DailyBarAdmin", "IngestBatchAdmin", "InstrumentAdmin", "IntradayBarAdmin"]
