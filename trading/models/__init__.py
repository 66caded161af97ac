from trading.models.signal import Signal, SignalType

__all__ = ["Signal", "SignalType"]
