"""Roles that staff make beside the built-in ones."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction

from accounts.models import LoginEnd, Role, User
from accounts.roles import ROLES
from accounts.services.sessions import end_logins_of
from systemevents.services.audit import record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput
from tradingsite.core.locking import lock
from tradingsite.core.transactions import in_transaction


@in_transaction
def save_role(
    *,
    actor: Actor,
    role: Role | None = None,
    name: str | None = None,
    permissions: Iterable[Permission] | None = None,
) -> Role:
    """Make a role, or change one; None leaves a part as it is. A right taken away ends the holders' log-ins.

    Raises Forbidden without accounts.add_role or change_role, or for a permission that the actor
    lacks; Conflict for a built-in role or a name that is taken; InvalidInput without a name.
    """
    actor.require("accounts.add_role" if role is None else "accounts.change_role")
    saved = Role() if role is None else lock(role)
    if saved.name in ROLES:
        raise Conflict(f"The role {saved.name} is built in: the software keeps its rights.")
    before = [] if role is None else permission_names(saved.permissions.all())
    was = {"name": saved.name, "permissions": before}
    if name is not None or role is None:
        saved.name = _clean_name(name or "")
        _save(saved)
    if permissions is not None:
        wanted = list(permissions)
        _refuse_beyond(actor, set(permission_names(wanted)) - set(before))
        saved.permissions.set(wanted)
    now = {"name": saved.name, "permissions": permission_names(saved.permissions.all())}
    if role is None:
        record_audit(actor, "role.created", saved, after=now)
    elif now != was:
        record_audit(actor, "role.changed", saved, before=was, after=now)
    if set(before) - set(now["permissions"]):
        end_logins_of(actor=actor, users=User.objects.filter(groups=saved.pk), reason=LoginEnd.DEMOTION)
    return saved


def permission_names(permissions: Iterable[Permission]) -> list[str]:
    """Their names as the rest of the software writes them, sorted: portfolio.view_watchlist."""
    return sorted(f"{permission.content_type.app_label}.{permission.codename}" for permission in permissions)


def _refuse_beyond(actor: Actor, added: Iterable[str]) -> None:
    for name in sorted(added):
        if not actor.is_unlimited and not actor.may(name):
            raise Forbidden(f"You can't give the right {name}, which you do not have.")


def _clean_name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > 150 or not cleaned.isprintable():
        raise InvalidInput.field("name", "Give the role a name of 1 to 150 characters.")
    return cleaned


def _save(role: Role) -> None:
    # MySQL takes `Trader` and `trader` for the same; so does everybody.
    if Role.objects.filter(name__iexact=role.name).exclude(pk=role.pk).exists():
        raise Conflict(f"There is already a role named {role.name}.")
    try:
        with transaction.atomic():
            role.save()
    except IntegrityError:
        raise Conflict(f"There is already a role named {role.name}.") from None
