from systemevents.models.audit import AuditLog
from systemevents.models.event import Severity, SystemEvent

__all__ = ["AuditLog", "Severity", "SystemEvent"]
