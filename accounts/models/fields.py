"""The normal forms of what people are known by."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models

from tradingsite.core.fields import NormalTextField


class UsernameField(NormalTextField):
    """A user name in small ASCII letters, digits and signs, whatever was typed."""

    def normalise(self, text: str) -> str:
        name = AbstractUser.normalize_username(text).strip().lower()
        if not name.isascii():
            raise ValidationError("Use plain letters: a-z, without accents.", code="not_ascii")
        return name


class EmailAddressField(NormalTextField, models.EmailField):  # type: ignore[type-arg]  # generic in the stubs only
    """An e-mail address in small ASCII letters; null, never empty, where there is none."""

    def normalise(self, text: str) -> str:
        address = text.strip()
        # Before lower(), which makes ASCII of letters that only look like it.
        if not address.isascii():
            raise ValidationError("Write the address in plain letters, its domain as xn--….", code="not_ascii")
        return address.lower()

    def _normal(self, value: Any) -> Any:
        # A unique column may hold many nulls on every engine, but one empty text.
        return super()._normal(value) or None
