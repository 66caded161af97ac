from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "tradingsite.core"
    label = "core"
    verbose_name = "Platform"

    def ready(self) -> None:
        from tradingsite.core import checks  # noqa: F401  # registers the system checks
