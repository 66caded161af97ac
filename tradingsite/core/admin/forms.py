"""Forms whose errors may come from the service behind them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from tradingsite.core.errors import DeskError


class DeskModelForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A model form that can be shown again with what a service said against it."""

    refusal: ClassVar[DeskError | ValidationError | None] = None

    def _post_clean(self) -> None:
        self._refuse_times_beyond_utc()
        # The table's constraints are left to the service, which has sentences where Django
        # would only name the constraint.
        vars(self.instance)["validate_constraints"] = _left_to_the_service
        try:
            super()._post_clean()  # type: ignore[misc]  # the form's own; the stubs leave it out
        finally:
            vars(self.instance).pop("validate_constraints")

    def _refuse_times_beyond_utc(self) -> None:
        # At the ends of the calendar a time in the user's zone can be none in UTC, in which it is stored.
        for name, value in list(self.cleaned_data.items()):
            if isinstance(value, datetime) and value.tzinfo is not None:
                try:
                    value.astimezone(UTC)
                except OverflowError:
                    self.add_error(name, "Enter a time that there is.")

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_bound and self.refusal is not None:
            for field, message in refusal_messages(self.refusal):
                self.add_error(field if field in self.fields else None, message)


def _left_to_the_service(exclude: object = None) -> None:
    """Checks nothing."""


def refusal_messages(refusal: DeskError | ValidationError) -> list[tuple[str | None, str]]:
    """What a service said against an input: field and sentence, the field None when it is none in particular."""
    if isinstance(refusal, DeskError):
        return [(error.field, error.message) for error in refusal.errors] or [(None, refusal.detail)]
    if hasattr(refusal, "error_dict"):
        return [
            (None if field == NON_FIELD_ERRORS else field, message)
            for field, messages in refusal.message_dict.items()
            for message in messages
        ]
    return [(None, message) for message in refusal.messages]


def refusal_sentence(refusal: DeskError | ValidationError) -> str:
    """The same as one sentence, for a message above a page."""
    return refusal.detail if isinstance(refusal, DeskError) else " ".join(refusal.messages)


def fields_of(form: Any, *, changed_only: bool) -> dict[str, Any]:
    """What a person filled in, by field: everything, or what differs from what was shown."""
    names = form.changed_data if changed_only else form.cleaned_data
    return {name: form.cleaned_data[name] for name in names if name in form.cleaned_data}
