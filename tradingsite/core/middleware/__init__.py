"""What every request passes, from the outside in; the settings' MIDDLEWARE gives the order."""

from tradingsite.core.middleware.context import RequestContextMiddleware
from tradingsite.core.middleware.headers import SecurityHeadersMiddleware
from tradingsite.core.middleware.input import CleanInputMiddleware
from tradingsite.core.middleware.origins import CrossOriginMiddleware
from tradingsite.core.middleware.problems import ProblemMiddleware
from tradingsite.core.middleware.slashes import TrailingSlashMiddleware

__all__ = [
    "CleanInputMiddleware",
    "CrossOriginMiddleware",
    "ProblemMiddleware",
    "RequestContextMiddleware",
    "SecurityHeadersMiddleware",
    "TrailingSlashMiddleware",
]
