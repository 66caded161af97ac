"""What people set for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from zoneinfo import ZoneInfo, available_timezones

from django.apps import apps

from accounts.models import Theme, User, UserSettings
from accounts.notifications import NOTIFICATIONS
from accounts.services.passwords import refuse_key
from accounts.services.users import save_user
from systemevents.services.audit import changes, columns, record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.errors import FieldError, InvalidInput, NotFound
from tradingsite.core.locking import lock
from tradingsite.core.transactions import in_transaction

EDITABLE = frozenset({"time_zone", "theme", "default_portfolio", "notifications"})
NAMES = frozenset({"first_name", "last_name"})


def settings_of(user: User) -> UserSettings:
    """A user's settings; of one who was made before there were any, the defaults, not stored yet."""
    return UserSettings.objects.filter(user=user.pk).first() or UserSettings(user=user)


def stored_settings_of(user: User) -> UserSettings:
    """A user's settings, stored from now on if they were not."""
    return UserSettings.objects.get_or_create(user_id=user.pk)[0]


@in_transaction
def change_settings(*, actor: Actor, values: Mapping[str, Any]) -> UserSettings:
    """Change one's own settings; of the notifications only those that are named change.

    `default_portfolio` is an id or None. Raises Forbidden for a key, NotFound for a portfolio that
    the actor does not see, InvalidInput whose `errors` name the fields.
    """
    refuse_key(actor)
    if foreign := set(values) - EDITABLE:
        raise InvalidInput.field(min(foreign), f"{min(foreign)} can't be set.", code="not_editable")
    saved = lock(stored_settings_of(cast(User, actor.user)))
    before = columns(saved)
    if "time_zone" in values:
        saved.time_zone = clean_time_zone(values["time_zone"])
    if "theme" in values:
        saved.theme = _clean_theme(values["theme"])
    if "notifications" in values:
        saved.notifications = {**saved.notifications, **clean_notifications(values["notifications"])}
    if "default_portfolio" in values:
        saved.default_portfolio_id = _visible_portfolio(actor, values["default_portfolio"])
    was, now = changes(before, columns(saved))
    if now:
        saved.save()
        record_audit(actor, "settings.changed", saved, before=was, after=now)
    return saved


@in_transaction
def change_own_names(*, actor: Actor, values: Mapping[str, str]) -> User:
    """Change one's own first and last name. Raises Forbidden for a key, InvalidInput."""
    refuse_key(actor)
    if foreign := set(values) - NAMES:
        raise InvalidInput.field(min(foreign), f"{min(foreign)} can't be set.", code="not_editable")
    saved = lock(cast(User, actor.user))
    before = columns(saved)
    for name, value in values.items():
        if not value.isprintable():
            raise InvalidInput.field(name, "A name is one line of printable characters.", code="not_printable")
        setattr(saved, name, value.strip())
    was, now = changes(before, columns(saved))
    if now:
        save_user(saved)
        record_audit(actor, "user.changed", saved, before=was, after=now)
    return saved


def zone_of(settings: UserSettings) -> ZoneInfo:
    """The user's time zone; UTC where this machine does not know it any more."""
    name = settings.time_zone
    return ZoneInfo(name if name in available_timezones() else "UTC")


def clean_time_zone(name: str) -> str:
    """Raises InvalidInput unless this machine knows the zone by exactly this name."""
    if name not in available_timezones():
        raise InvalidInput.field("time_zone", "Name a time zone, as in America/New_York.", code="unknown_time_zone")
    return name


def clean_notifications(values: Mapping[str, Any]) -> dict[str, bool]:
    """Raises InvalidInput unless these are notifications that there are, each on or off."""
    for name, value in values.items():
        if name not in NOTIFICATIONS:
            raise InvalidInput.field("notifications", f"There is no notification {str(name)[:40]!r}.", code="unknown")
        if not isinstance(value, bool):
            raise InvalidInput.field("notifications", f"{name} is on or off: true or false.", code="invalid")
    return dict(values)


def all_notifications(settings: UserSettings) -> dict[str, bool]:
    """Every notification with the user's choice, or the default where none was made."""
    return {name: bool(settings.notifications.get(name, choice.is_on)) for name, choice in NOTIFICATIONS.items()}


def _clean_theme(theme: str) -> str:
    if theme not in Theme.values:
        raise InvalidInput.field("theme", f"The theme is {', '.join(Theme.values)}.", code="invalid_choice")
    return theme


def _visible_portfolio(actor: Actor, pk: int | None) -> int | None:
    if pk is None:
        return None
    # By name: portfolios are an app above this one.
    portfolios = apps.get_model("portfolio", "Portfolio")._default_manager.visible_to(actor)
    if not portfolios.filter(pk=pk).exists():
        message = "There is no portfolio with this id."
        raise NotFound(message, errors=[FieldError("default_portfolio", "not_found", message)])
    return pk
