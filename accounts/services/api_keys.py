"""Making, finding and revoking API keys."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from accounts.key_format import key_digest, make_key, parse_key, parse_peppers
from accounts.models import ApiKey, User
from accounts.services.users import refuse_user_beyond
from systemevents.services.audit import columns, record_audit
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput
from tradingsite.core.locking import lock
from tradingsite.core.transactions import in_transaction

DEFAULT_LIFETIME = timedelta(days=90)
LAST_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made, and its text, which nobody can show again."""

    key: ApiKey
    text: str


@in_transaction
def create_api_key(
    *, actor: Actor, owner: User, name: str, expires_at: datetime | None = None, never_expires: bool = False
) -> NewKey:
    """Make a key for a user: their own, or anybody's for who may change users.

    Without `expires_at` it lasts 90 days, unless `never_expires`. Raises Forbidden when the
    actor came with a key itself or the owner holds rights that the actor lacks, InvalidInput
    when the name is empty or the expiry is past, Conflict when the owner is deactivated.
    """
    if actor.key_id:
        raise Forbidden("An API key can't make another one.")
    if actor.user_id != owner.pk:
        actor.require("accounts.change_user")
        refuse_user_beyond(actor, owner)
    actor.require("accounts.add_apikey")
    if not owner.is_active:
        raise Conflict(f"{owner.username} is deactivated.")
    name = name.strip()
    if not name or len(name) > 100:
        raise InvalidInput.field("name", "Give the key a name of 1 to 100 characters.")
    if never_expires:
        expires_at = None
    elif expires_at is None:
        expires_at = clock.now() + DEFAULT_LIFETIME
    elif expires_at.tzinfo is None:
        raise InvalidInput.field("expires_at", "Say the time zone of the expiry.")
    elif expires_at <= clock.now():
        raise InvalidInput.field("expires_at", "The expiry must be in the future.")
    made = make_key()
    number, pepper = current_pepper()
    key = ApiKey.objects.create(
        owner=owner,
        name=name,
        public_id=made.public_id,
        digest=key_digest(made.text, pepper=pepper),
        pepper=number,
        expires_at=expires_at,
    )
    record_audit(actor, "api_key.created", key, after=columns(key))
    return NewKey(key=key, text=made.text)


@in_transaction
def revoke_api_key(*, actor: Actor, key: ApiKey) -> ApiKey:
    """End a key at once; revoking it again changes nothing."""
    if actor.user_id != key.owner_id:
        actor.require("accounts.change_user")
    actor.require("accounts.change_apikey")
    key = lock(key)
    if key.revoked_at is None:
        key.revoked_at = clock.now()
        key.save(update_fields=["revoked_at"])
        record_audit(actor, "api_key.revoked", key, before={"revoked_at": None}, after={"revoked_at": key.revoked_at})
    return key


def find_usable_key(text: str) -> ApiKey | None:
    """The key with this text, its owner joined, when it may be used now.

    No query when the form or the checksum is wrong, one otherwise. A deactivated owner's
    key, a revoked and an expired one are all None.
    """
    parsed = parse_key(text)
    if parsed is None:
        return None
    key = ApiKey.objects.select_related("owner").filter(public_id=parsed.public_id).first()
    if key is None or not key.owner.is_active or not key.is_usable(clock.now()):
        return None
    pepper = parse_peppers(settings.API_KEY_PEPPERS).get(key.pepper)
    if pepper is None or not hmac.compare_digest(key_digest(parsed.text, pepper=pepper), key.digest):
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
