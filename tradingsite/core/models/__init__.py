from tradingsite.core.models.idempotency import IdempotencyKey
from tradingsite.core.models.platform import Platform

__all__ = ["IdempotencyKey", "Platform"]
