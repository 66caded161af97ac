"""The audit trail, its seals and system events in the admin."""

from systemevents.admin.audit import AuditLogAdmin
from systemevents.admin.events import SystemEventAdmin
from systemevents.admin.seals import AuditSealAdmin

__all__ = ["AuditLogAdmin", "AuditSealAdmin", "SystemEventAdmin"]
