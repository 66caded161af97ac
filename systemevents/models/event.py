"""What happened to the platform that people should know of."""

from django.db import models

from tradingsite.core import clock
from tradingsite.core.fields import PlainJSONField
from tradingsite.core.visibility import StaffQuerySet


class Severity(models.TextChoices):
    DEBUG = "debug", "Debug"
    INFO = "info", "Info"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"
    CRITICAL = "critical", "Critical"


class SystemEvent(models.Model):
    """One event: an import that failed, a lockout, a halt."""

    occurred_at = models.DateTimeField("when", default=clock.now, editable=False)
    event_type = models.CharField(max_length=60, help_text="What kind, as in ingest.failed.")
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.INFO)
    source = models.CharField(max_length=60, help_text="The part of the software that says it.")
    description = models.TextField(help_text="One sentence for a person.")
    details = PlainJSONField(default=dict, blank=True, help_text="The same for a program.")

    objects = StaffQuerySet["SystemEvent"].as_manager()

    class Meta:
        db_table = "system_events"
        verbose_name = "system event"
        ordering = ["-id"]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["severity", "-id"], name="event_severity"),
            models.Index(fields=["event_type", "-id"], name="event_type"),
            models.Index(fields=["occurred_at"], name="event_when"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type}: {self.description[:80]}"
