from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class SiteConfig(AppConfig):
    """Before all others: its commands stand in for those of the same name that Django's apps bring."""

    name = "tradingsite"


class DeskAdminConfig(AdminConfig):
    """Django's admin with our site; in a file of its own, because models are not loaded yet here."""

    default_site = "tradingsite.admin_site.DeskAdminSite"
