"""What tests of the admin's forms share: hidden fields, errors, what the trail has got."""

from __future__ import annotations

from typing import Any

from systemevents.models import AuditLog
from tradingsite.core.actor import Front


def actions(after: int = 0) -> list[str]:
    """What the audit trail has got through the admin since that entry."""
    return list(
        AuditLog.objects.filter(front=Front.ADMIN, pk__gt=after).order_by("pk").values_list("action", flat=True)
    )


def inline(prefix: str, *, initial: int = 0, **rows: Any) -> dict[str, Any]:
    """The hidden fields of an inline, and its rows: inline("items", items0={"symbol": "AAPL"})."""
    fields: dict[str, Any] = {
        f"{prefix}-TOTAL_FORMS": len(rows),
        f"{prefix}-INITIAL_FORMS": initial,
        f"{prefix}-MIN_NUM_FORMS": 0,
        f"{prefix}-MAX_NUM_FORMS": 1000,
    }
    for number, values in enumerate(rows.values()):
        fields |= {f"{prefix}-{number}-{name}": value for name, value in values.items()}
    return fields


def errors_of(response: Any) -> str:
    assert response.status_code == 200, response
    form = response.context_data["adminform"].form
    inlines = [error for formset in response.context_data["inline_admin_formsets"] for error in formset.formset.errors]
    return f"{dict(form.errors)} {inlines}"
