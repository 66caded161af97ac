from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class SystemEventsConfig(AppConfig):
    name = "systemevents"
    verbose_name = "System"

    def ready(self) -> None:
        from systemevents import append_only
        from systemevents.services.seals import seal_and_tell
        from tradingsite.core.registry import HealthCheck, Job, registry

        pre_migrate.connect(append_only.remove_before_migrate, sender=self, dispatch_uid="systemevents.remove_triggers")
        post_migrate.connect(
            append_only.install_after_migrate, sender=self, dispatch_uid="systemevents.install_triggers"
        )
        registry.register_health_check(HealthCheck("audit", append_only.triggers_are_there))
        registry.register_job(
            Job("seal_audit", "Seals the entries of the audit trail that are not sealed yet.", seal_and_tell)
        )
