from django.contrib.admin.apps import AdminConfig


class DeskAdminConfig(AdminConfig):
    """Django's admin with our site; in a file of its own, because models are not loaded yet here."""

    default_site = "tradingsite.admin_site.DeskAdminSite"
