from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "tradingsite.ops"
    label = "ops"
    verbose_name = "Operations"

    def ready(self) -> None:
        from tradingsite.ops import checks  # noqa: F401  # registers the system checks
        from tradingsite.ops.health import register_health_checks

        register_health_checks()
