"""Trading in the admin."""

from trading.admin.signals import SignalAdmin

__all__ = ["SignalAdmin"]
