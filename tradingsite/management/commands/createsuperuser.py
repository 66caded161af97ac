"""`manage.py createsuperuser`: Django's, but for how the user is made."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.management.commands import createsuperuser
from django.core.management import CommandError
from django.db import DEFAULT_DB_ALIAS

from accounts.models import User
from accounts.services.users import create_superuser
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import DeskError


class Command(createsuperuser.Command):
    """Asks and checks as Django does; the user is made by our service, with an audit entry, settings and welcomes."""

    help = "Make a user who may do everything. Asks for what the options do not say."

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.UserModel: Any = _UserModel()

    def handle(self, *args: Any, **options: Any) -> None:
        if options["database"] != DEFAULT_DB_ALIAS:
            raise CommandError("Users are kept in the default database.")
        try:
            super().handle(*args, **options)
        except DeskError as refusal:
            raise CommandError(refusal.detail) from None


class _UserModel:
    """What Django's command takes for the model of users: the model, with a manager that asks our service."""

    def __init__(self) -> None:
        self._default_manager = _Manager()

    def __getattr__(self, name: str) -> Any:
        return getattr(User, name)

    def __call__(self, **values: Any) -> User:
        return User(**values)


class _Manager:
    """The manager's two methods that the command calls, and the way to them."""

    def db_manager(self, using: str) -> _Manager:
        return self

    def get_by_natural_key(self, username: str) -> User:
        return User.objects.get_by_natural_key(username)

    def create_superuser(self, *, username: str, email: str | None = None, password: str | None = None) -> User:
        actor = Actor.system("createsuperuser", front=Front.COMMAND)
        # Before the transaction: nobody waits for a hash. None makes a password that nothing fits.
        return create_superuser(actor=actor, username=username, email=email, password_hash=make_password(password))
