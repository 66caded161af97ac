"""The audit trail and system events in the admin."""

from systemevents.admin.audit import AuditLogAdmin
from systemevents.admin.events import SystemEventAdmin

__all__ = ["AuditLogAdmin", "SystemEventAdmin"]
