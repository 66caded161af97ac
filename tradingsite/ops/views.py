"""What load balancers, monitors and browsers ask, without a login; the answers tell no secrets."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseRedirect, JsonResponse
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tradingsite.ops.health import ask


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process is alive; nothing else is asked."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """The database answers and is migrated; 503 when not, naming what is missing but not where."""
    missing = [name for name, (healthy, _) in ask(only_readiness=True).items() if not healthy]
    if missing:
        return JsonResponse({"status": "not ready", "missing": missing}, status=503, headers={"Retry-After": "5"})
    return JsonResponse({"status": "ready"})


@require_safe
def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """The icon of the site, for browsers that ask for it by its old name."""
    return HttpResponseRedirect(static("core/icon.svg"))
