"""Making people, giving them roles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from django.contrib.auth.models import Group, Permission
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.models import LoginEnd, User, UserSettings
from accounts.services.sessions import end_logins
from systemevents.services.audit import record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, FieldError, Forbidden, InvalidInput
from tradingsite.core.registry import registry
from tradingsite.core.transactions import in_transaction

#: The role of a new user where none is named.
DEFAULT_ROLE = "viewer"


@in_transaction
def create_user(
    *,
    actor: Actor,
    username: str,
    password: str | None = None,
    email: str | None = None,
    roles: Iterable[str] = (),
    password_hash: str | None = None,
) -> User:
    """Make a user who can log in with the password, if one is given: with settings, and what the apps give a new user.

    Without roles they are a viewer. `password_hash` is of a password that was found strong enough already.
    Raises InvalidInput when the name or e-mail is taken or the password weak, Forbidden without `accounts.add_user`
    or when a role would give rights that the actor lacks.
    """
    actor.require("accounts.add_user")
    user = User(username=username, email=email)
    if password is not None:
        refuse_weak_password(password, user)
    user.set_password(password)
    if password_hash is not None:
        user.password = password_hash
    save_user(user)
    record_audit(actor, "user.created", user, after={"username": user.username, "email": user.email})
    # The software, whoever makes the user: what everybody gets is nobody's to give or to refuse.
    software = replace(actor, label="system:welcome", user=None, key_id="", rights=None, portfolio_id=None, login_id="")
    if names := list(roles):
        set_roles(actor=actor, user=user, roles=names)
    else:
        set_roles(actor=software, user=user, roles=[DEFAULT_ROLE])
    UserSettings.objects.create(user_id=user.pk)
    for welcome in registry.welcomes.values():
        welcome.give(software, user)
    return user


@in_transaction
def create_superuser(*, actor: Actor, username: str, email: str | None, password_hash: str) -> User:
    """Make a user who may do everything, who otherwise is and gets what `create_user` says.

    Raises what `create_user` raises, and Forbidden to who is no superuser.
    """
    if not actor.is_unlimited:
        raise Forbidden("Only superusers make superusers.")
    user = create_user(actor=actor, username=username, email=email, password_hash=password_hash)
    before = {"is_superuser": user.is_superuser, "is_staff": user.is_staff}
    user.is_superuser = user.is_staff = True
    user.save(update_fields=list(before))
    record_audit(actor, "user.changed", user, before=before, after={"is_superuser": True, "is_staff": True})
    return user


def clean_user(user: User) -> None:
    """Bring a name and an e-mail into their normal form, and refuse what is wrong with them whoever exists.

    Raises InvalidInput whose `errors` name the fields. Asks nothing of the database.
    """
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise _invalid(error) from None


def clean_email(email: str) -> str:
    """An e-mail in its normal form. Raises InvalidInput for what is none."""
    try:
        cleaned = User._meta.get_field("email").clean(email, None)
    except ValidationError as error:
        raise InvalidInput.field("email", " ".join(error.messages)) from None
    if cleaned is None:
        raise InvalidInput.field("email", "Name an e-mail.", code="blank")
    return str(cleaned)


def save_user(user: User) -> None:
    """Validate and save.

    Raises InvalidInput whose `errors` name the fields, Conflict when a name was taken just now.
    """
    try:
        user.full_clean()
        with transaction.atomic():
            user.save()
    except ValidationError as error:
        raise _invalid(error) from None
    except IntegrityError:
        # Somebody took it between the look and the write.
        raise Conflict("A user with that name or e-mail exists.") from None


def _invalid(error: ValidationError) -> InvalidInput:
    problems = [
        FieldError(field, problem.code or "invalid", " ".join(problem.messages))
        for field, of_field in error.error_dict.items()
        for problem in of_field
    ]
    return InvalidInput(" ".join(error.messages), errors=problems)


def refuse_weak_password(password: str, user: User, *, field: str = "password") -> None:
    """Raise InvalidInput when Django's validators find the password too weak for this user."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput.field(field, " ".join(error.messages), code="weak_password") from None


@in_transaction
def set_roles(*, actor: Actor, user: User, roles: Iterable[str]) -> None:
    """Give a user exactly these roles; a role taken away ends their log-ins.

    Nobody grants rights that they lack themselves.
    """
    actor.require("accounts.change_user")
    names = set(roles)
    groups = list(Group.objects.filter(name__in=names).prefetch_related("permissions__content_type"))
    if unknown := names - {group.name for group in groups}:
        raise InvalidInput.field("roles", f"There is no role {', '.join(sorted(unknown))}.")
    before = set(user.groups.values_list("name", flat=True))
    for group in groups:
        if group.name not in before:
            refuse_rights_beyond(actor, group)
    if before != names:
        user.groups.set(groups)
        record_audit(actor, "user.roles_set", user, before={"roles": sorted(before)}, after={"roles": sorted(names)})
    if before - names:
        end_logins(actor=actor, user=user, reason=LoginEnd.DEMOTION)


def refuse_rights_beyond(actor: Actor, role: Group) -> None:
    """Raise Forbidden when the role holds a permission that the actor does not."""
    if actor.is_unlimited:
        return
    for permission in role.permissions.all():
        if not actor.may(f"{permission.content_type.app_label}.{permission.codename}"):
            raise Forbidden(f"The role {role.name} holds rights that you do not have.")


def refuse_user_beyond(actor: Actor, user: User) -> None:
    """Raise Forbidden when the user holds a permission that the actor does not: who acts as them would gain it."""
    if actor.is_unlimited:
        return
    # Asked of the tables: `get_all_permissions` is empty for a deactivated user, who can be activated again.
    held = Permission.objects.filter(Q(group__user=user) | Q(user=user)).values_list(
        "content_type__app_label", "codename"
    )
    if user.is_superuser or not all(actor.may(f"{app}.{codename}") for app, codename in held):
        raise Forbidden(f"{user.username} holds rights that you do not have.")
