from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from accounts.services.registration import PURGE
        from accounts.services.roles import sync_roles_after_migrate
        from tradingsite.core.registry import registry

        registry.register_job(PURGE)
        post_migrate.connect(sync_roles_after_migrate, dispatch_uid="accounts.sync_roles")
