from systemevents.models.audit import AuditLog
from systemevents.models.event import Severity, SystemEvent
from systemevents.models.seal import AuditSeal

__all__ = ["AuditLog", "AuditSeal", "Severity", "SystemEvent"]
