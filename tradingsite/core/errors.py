"""The tree of errors that services raise; every front maps it once.

The API answers them as problem+json (`core.api.problems`), commands print
`detail` as one sentence and exit 1, the admin shows `detail` as a message.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its name, a stable code, a sentence."""

    field: str
    code: str
    message: str


class DeskError(Exception):
    """Base of every error that a person caused or can mend."""

    status = 500
    code = "error"
    title = "Something went wrong"
    #: After how many seconds it is worth trying again, where that is known: the header `Retry-After`.
    retry_after: int | None = None

    def __init__(self, detail: str = "", *, errors: Sequence[FieldError] = ()) -> None:
        self.detail = detail or self.title
        self.errors = tuple(errors)
        super().__init__(self.detail)


class InvalidInput(DeskError):
    """The input breaks a rule; `errors` names the fields."""

    status = 400
    code = "invalid"
    title = "The input is not valid"

    @classmethod
    def field(cls, field: str, message: str, *, code: str = "invalid") -> "InvalidInput":
        """One field is wrong."""
        return cls(message, errors=[FieldError(field, code, message)])


class UnknownSymbol(InvalidInput):
    """No instrument has this symbol."""

    code = "unknown_symbol"
    title = "Unknown symbol"


class NotAuthenticated(DeskError):
    """Nobody is logged in, or the key is not good."""

    status = 401
    code = "not_authenticated"
    title = "Authentication needed"


class Forbidden(DeskError):
    """The actor sees the object but may not do this with it."""

    status = 403
    code = "forbidden"
    title = "Not allowed"


class NotFound(DeskError):
    """It does not exist, or the actor may not see that it does."""

    status = 404
    code = "not_found"
    title = "Not found"


class Conflict(DeskError):
    """The state of things does not allow this now."""

    status = 409
    code = "conflict"
    title = "Conflict"


class IdempotencyInFlight(Conflict):
    """Another request with the same Idempotency-Key has not ended; nothing was done."""

    code = "idempotency_in_flight"
    title = "Still being worked on"
    retry_after = 2


class IdempotencyKeyReused(DeskError):
    """The Idempotency-Key stands for another request."""

    status = 422
    code = "idempotency_key_reused"
    title = "Idempotency-Key used already"


class PreconditionFailed(DeskError):
    """It is not the version that the caller knows."""

    status = 412
    code = "precondition_failed"
    title = "Changed meanwhile"


class TooLarge(DeskError):
    """The body is larger than this endpoint takes."""

    status = 413
    code = "too_large"
    title = "Too large"


class Unavailable(DeskError):
    """Something this needs is down; trying again later can help."""

    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"


class TooManyAttempts(DeskError):
    """Tried too often; in `retry_after` seconds it is worth another try."""

    status = 429
    code = "too_many_attempts"
    title = "Too many attempts"

    def __init__(self, detail: str = "", *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
