"""Making, rotating, finding and revoking API keys."""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from accounts.key_format import key_digest, make_key, parse_key, parse_peppers
from accounts.models import ApiKey, User
from accounts.second_factor_state import lacks_second_factor
from accounts.selectors import key_with_rights
from accounts.services.key_alarms import tell_of_foreign_address
from accounts.services.key_limits import NO_LIMITS, KeyLimits, checked_limits, limits_of
from accounts.services.users import refuse_user_beyond
from systemevents.services.audit import columns, record_audit
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput
from tradingsite.core.locking import lock, lock_all
from tradingsite.core.transactions import in_transaction

DEFAULT_LIFETIME = timedelta(days=90)
LAST_USED_EVERY = timedelta(minutes=1)
DEFAULT_OVERLAP = timedelta(days=1)
LONGEST_OVERLAP = timedelta(days=7)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made, and its text, which nobody can show again."""

    key: ApiKey
    text: str


@in_transaction
def create_api_key(
    *,
    actor: Actor,
    owner: User,
    name: str,
    expires_at: datetime | None = None,
    never_expires: bool = False,
    limits: KeyLimits = NO_LIMITS,
) -> NewKey:
    """Make a key for a user: their own, or anybody's for who may change users.

    Without `expires_at` it lasts 90 days, unless `never_expires`. Raises Forbidden when the
    actor came with a key itself or the owner holds rights that the actor lacks, InvalidInput
    when a value is wrong or the expiry past, NotFound for a portfolio that the owner does not
    see, Conflict when the owner is deactivated.
    """
    _require_making(actor, owner)
    if never_expires:
        expires_at = None
    elif expires_at is None:
        expires_at = clock.now() + DEFAULT_LIFETIME
    elif expires_at.tzinfo is None:
        raise InvalidInput.field("expires_at", "Say the time zone of the expiry.")
    elif expires_at <= clock.now():
        raise InvalidInput.field("expires_at", "The expiry must be in the future.")
    new = _make(owner, name=clean_key_name(name), expires_at=expires_at, **checked_limits(limits, owner))
    record_audit(actor, "api_key.created", new.key, after=columns(new.key))
    return new


@in_transaction
def rotate_api_key(*, actor: Actor, key: ApiKey, overlap: timedelta = DEFAULT_OVERLAP) -> NewKey:
    """Make the key that follows, with the same limits and lifetime; the old one works on for `overlap`.

    Raises Forbidden as `create_api_key` does, InvalidInput when the overlap is over seven days,
    Conflict when the key works no more, is rotated already, or its owner is deactivated.
    """
    _require_making(actor, key.owner)
    actor.require("accounts.change_apikey")
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise InvalidInput.field("overlap_hours", "The keys may overlap for at most seven days.", code="too_long")
    key, now = lock(key), clock.now()
    if not key.is_usable(now):
        raise Conflict("This key works no more; make a new one.")
    if key.rotated_to_id is not None:
        raise Conflict("This key is rotated already.")
    expires_at = None if key.expires_at is None else now + (key.expires_at - key.created_at)
    new = _make(key.owner, name=key.name, expires_at=expires_at, **limits_of(key))
    key.rotated_to, key.overlap_until = new.key, now + overlap
    key.save(update_fields=["rotated_to", "overlap_until"])
    record_audit(actor, "api_key.created", new.key, after=columns(new.key))
    changed = columns(key, ["rotated_to", "overlap_until"])
    record_audit(actor, "api_key.rotated", key, before=dict.fromkeys(changed), after=changed)
    return new


@in_transaction
def rename_api_key(*, actor: Actor, key: ApiKey, name: str) -> ApiKey:
    """Give a key another name; the same again changes nothing. Raises Forbidden, InvalidInput."""
    _require_change(actor, key)
    key, name = lock(key), clean_key_name(name)
    if name != key.name:
        before, key.name = key.name, name
        key.save(update_fields=["name"])
        record_audit(actor, "api_key.renamed", key, before={"name": before}, after={"name": name})
    return key


@in_transaction
def revoke_api_key(*, actor: Actor, key: ApiKey) -> ApiKey:
    """End a key at once; revoking it again changes nothing. Any key may end itself."""
    if not actor.key_id or actor.key_id != key.public_id:
        _require_change(actor, key)
    key = lock(key)
    return _revoke(actor, key) if key.revoked_at is None else key


@in_transaction
def end_keys_of(*, actor: Actor, owner: User) -> list[ApiKey]:
    """Revoke every key of a user that is not revoked yet, an expired one too; answers those.

    For the service that deactivates: it has asked already whether the actor may.
    """
    alive = ApiKey.objects.filter(owner=owner, revoked_at=None)
    return [_revoke(actor, key) for key in lock_all(ApiKey, alive.values_list("pk", flat=True)) if not key.revoked_at]


def _revoke(actor: Actor, key: ApiKey) -> ApiKey:
    key.revoked_at = clock.now()
    key.save(update_fields=["revoked_at"])
    record_audit(actor, "api_key.revoked", key, before={"revoked_at": None}, after={"revoked_at": key.revoked_at})
    return key


def _require_making(actor: Actor, owner: User) -> None:
    if actor.key_id:
        raise Forbidden("An API key can't make another one.")
    if actor.user_id != owner.pk:
        actor.require("accounts.change_user")
        refuse_user_beyond(actor, owner)
    actor.require("accounts.add_apikey")
    # Staff may make keys for a bot's account, which has no app.
    if actor.user_id == owner.pk and lacks_second_factor(owner):
        raise Conflict("This site demands a second factor of you: set it up before you make keys.")
    # Locked, or a key made while its owner is deactivated would be there when they come back.
    if not lock(owner).is_active:
        raise Conflict(f"{owner.username} is deactivated.")


def _require_change(actor: Actor, key: ApiKey) -> None:
    if actor.user_id != key.owner_id:
        actor.require("accounts.change_user")
    actor.require("accounts.change_apikey")


def clean_key_name(name: str) -> str:
    """The name without blanks around it. Raises InvalidInput when it is empty or too long."""
    name = name.strip()
    if not name or len(name) > 100:
        raise InvalidInput.field("name", "Give the key a name of 1 to 100 characters.")
    return name


def _make(owner: User, **values: Any) -> NewKey:
    made = make_key()
    number, pepper = current_pepper()
    digest = key_digest(made.text, pepper=pepper)
    key = ApiKey.objects.create(owner=owner, public_id=made.public_id, digest=digest, pepper=number, **values)
    return NewKey(key=key, text=made.text)


def find_usable_key(text: str, *, address: str | None = None) -> ApiKey | None:
    """The key with this text, its owner and its rights with it, when it may be used now from this address.

    No query when the form or the checksum is wrong, one otherwise. A deactivated owner's key, a
    revoked, an expired and a rotated one, and one that is not let in from there, are all None.
    """
    parsed = parse_key(text)
    if parsed is None:
        return None
    key = key_with_rights(parsed.public_id)
    if key is None or not key.owner.is_active or not key.is_usable(clock.now()):
        return None
    pepper = parse_peppers(settings.API_KEY_PEPPERS).get(key.pepper)
    if pepper is None or not hmac.compare_digest(key_digest(parsed.text, pepper=pepper), key.digest):
        return None
    if not key.may_come_from(address):
        logger.warning("The API key tsk_%s was used from %s, where it is not let in.", key.public_id, address)
        tell_of_foreign_address(key, address)
        return None
    return key


def note_use(key: ApiKey) -> bool:
    """Remember that the key was used, once a minute at most; answers whether this call wrote it."""
    now = clock.now()
    due = now - LAST_USED_EVERY
    if key.last_used_at is not None and key.last_used_at > due:
        return False
    # Conditional, so that of many parallel calls one writes. No audit entry: it is not a decision.
    return ApiKey.objects.filter(pk=key.pk).exclude(last_used_at__gt=due).update(last_used_at=now) == 1


def current_pepper() -> tuple[int, str]:
    """The pepper with the highest number, which new keys are made under."""
    peppers = parse_peppers(settings.API_KEY_PEPPERS)
    if not peppers:
        raise Conflict("API_KEY_PEPPERS is not set, so no API key can be made.")
    return max(peppers.items())
