"""Changing people: names, passwords, whether they may log in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.services.users import refuse_user_beyond
from systemevents.services.audit import changes, columns, record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, FieldError, Forbidden, InvalidInput
from tradingsite.core.locking import lock
from tradingsite.core.transactions import in_transaction

# What a person may set; the rest is kept by the software.
EDITABLE = frozenset({"username", "email", "first_name", "last_name", "is_active", "is_superuser"})


@in_transaction
def change_user(*, actor: Actor, user: User, values: Mapping[str, Any]) -> User:
    """Change columns of EDITABLE; the same values again change nothing.

    Raises Forbidden without accounts.change_user, when the user holds rights that the actor
    lacks, or when somebody who is no superuser makes one; Conflict when people would shut
    themselves out; InvalidInput whose `errors` name the fields.
    """
    actor.require("accounts.change_user")
    if foreign := set(values) - EDITABLE:
        raise InvalidInput.field(min(foreign), f"{min(foreign)} can't be set.", code="not_editable")
    saved = lock(user)
    refuse_user_beyond(actor, saved)
    before = columns(saved)
    for name, value in values.items():
        setattr(saved, name, value)
    was, now = changes(before, columns(saved))
    if "is_superuser" in now and not actor.is_unlimited:
        raise Forbidden("Only superusers make superusers.")
    if saved.pk == actor.user_id and not (saved.is_active and saved.is_superuser >= before["is_superuser"]):
        raise Conflict("You can't take away your own access.")
    if now:
        _save(saved)
        record_audit(actor, "user.changed", saved, before=was, after=now)
    return saved


@in_transaction
def set_password(*, actor: Actor, user: User, password: str) -> None:
    """Give a user another password: one's own, or anybody's for who may change users.

    Raises Forbidden as `change_user` does, InvalidInput when the password is too weak.
    """
    if actor.user_id != user.pk:
        actor.require("accounts.change_user")
        refuse_user_beyond(actor, user)
    saved = lock(user)
    try:
        validate_password(password, saved)
    except ValidationError as error:
        raise InvalidInput.field("password1", " ".join(error.messages), code="weak_password") from None
    saved.set_password(password)
    saved.save(update_fields=["password"])
    record_audit(actor, "user.password_set", saved)
    user.password = saved.password


def _save(user: User) -> None:
    try:
        user.full_clean()
        with transaction.atomic():
            user.save()
    except ValidationError as error:
        problems = [
            FieldError(field, problem.code or "invalid", " ".join(problem.messages))
            for field, of_field in error.error_dict.items()
            for problem in of_field
        ]
        raise InvalidInput(" ".join(error.messages), errors=problems) from None
    except IntegrityError:
        # Somebody took it between the look and the write.
        raise Conflict("A user with that name or e-mail exists.") from None
