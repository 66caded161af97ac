from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "tradingsite.core"
    label = "core"
    verbose_name = "Platform"

    def ready(self) -> None:
        from tradingsite.core import checks  # noqa: F401  # registers the system checks
        from tradingsite.core.idempotency import purge_idempotency_keys
        from tradingsite.core.registry import Job, registry

        registry.register_job(
            Job(
                "purge_idempotency_keys",
                "Forgets what was answered to requests with an Idempotency-Key more than a day ago.",
                purge_idempotency_keys,
            )
        )
