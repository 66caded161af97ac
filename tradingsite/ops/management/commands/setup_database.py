"""`manage.py setup_database`: the other name of `bootstrap`."""

from tradingsite.ops.management.commands.bootstrap import Command

__all__ = ["Command"]
