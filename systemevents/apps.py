from django.apps import AppConfig


class SystemEventsConfig(AppConfig):
    name = "systemevents"
    verbose_name = "System"
