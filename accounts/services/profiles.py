"""Changing people: names, passwords, whether they may log in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.models import LoginEnd, User
from accounts.services.deactivation import deactivate_user, lock_people, reactivate_user, refuse_last_superuser
from accounts.services.sessions import end_logins
from accounts.services.users import refuse_user_beyond, refuse_weak_password, save_user
from systemevents.services.audit import changes, columns, record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput
from tradingsite.core.locking import lock
from tradingsite.core.transactions import in_transaction

# What a person may set; the rest is kept by the software.
EDITABLE = frozenset({"username", "email", "first_name", "last_name", "is_active", "is_superuser"})


@in_transaction
def change_user(*, actor: Actor, user: User, values: Mapping[str, Any]) -> User:
    """Change columns of EDITABLE; the same values again change nothing.

    `is_active` goes the way of `deactivate_user` and `reactivate_user`.
    Raises Forbidden without accounts.change_user, when the user holds rights that the actor
    lacks, or when somebody who is no superuser makes one; Conflict when people would shut
    themselves out or no superuser would be left; InvalidInput whose `errors` name the fields.
    """
    actor.require("accounts.change_user")
    if foreign := set(values) - EDITABLE:
        raise InvalidInput.field(min(foreign), f"{min(foreign)} can't be set.", code="not_editable")
    saved, _ = lock_people(user)
    refuse_user_beyond(actor, saved)
    before = columns(saved)
    wanted = dict(values)
    is_active = wanted.pop("is_active", saved.is_active)
    if not wanted.get("is_superuser", True):
        refuse_last_superuser(saved)
    for name, value in wanted.items():
        setattr(saved, name, value)
    was, now = changes(before, columns(saved))
    if "is_superuser" in now and not actor.is_unlimited:
        raise Forbidden("Only superusers make superusers.")
    if saved.pk == actor.user_id and not (is_active and saved.is_superuser >= before["is_superuser"]):
        raise Conflict("You can't take away your own access.")
    if now:
        save_user(saved)
        record_audit(actor, "user.changed", saved, before=was, after=now)
        if was.get("is_superuser"):
            end_logins(actor=actor, user=saved, reason=LoginEnd.DEMOTION)
    if is_active == saved.is_active:
        return saved
    return reactivate_user(actor=actor, user=saved) if is_active else deactivate_user(actor=actor, user=saved).user


@in_transaction
def set_password(*, actor: Actor, user: User, password: str) -> None:
    """Give a user another password: one's own, or anybody's for who may change users. Ends their log-ins.

    Raises Forbidden as `change_user` does, and to a key for its owner; InvalidInput when the password is too weak.
    """
    if actor.user_id != user.pk:
        actor.require("accounts.change_user")
        refuse_user_beyond(actor, user)
    elif actor.key_id:
        raise Forbidden("An API key does not change its owner's password.")
    saved = lock(user)
    refuse_weak_password(password, saved)
    saved.set_password(password)
    saved.save(update_fields=["password"])
    record_audit(actor, "user.password_set", saved)
    end_logins(actor=actor, user=saved, reason=LoginEnd.PASSWORD)
    user.password, user.session_epoch = saved.password, saved.session_epoch
