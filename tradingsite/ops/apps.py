from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "tradingsite.ops"
    label = "ops"
    verbose_name = "Operations"
