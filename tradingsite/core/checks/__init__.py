"""System checks: a wrong setting becomes a sentence before it becomes a fault."""

from tradingsite.core.checks.engines import check_engine
from tradingsite.core.checks.site import (
    check_addresses,
    check_cache,
    check_log_format,
    check_market_data_database,
    check_registration,
)

__all__ = [
    "check_addresses",
    "check_cache",
    "check_engine",
    "check_log_format",
    "check_market_data_database",
    "check_registration",
]
