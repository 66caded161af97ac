from django.apps import AppConfig


class PortfolioConfig(AppConfig):
    name = "portfolio"
    verbose_name = "Portfolio"

    def ready(self) -> None:
        from portfolio.services.departure import DEPARTURE
        from portfolio.services.welcome import WELCOME
        from tradingsite.core.registry import registry

        registry.register_departure(DEPARTURE)
        registry.register_welcome(WELCOME)
