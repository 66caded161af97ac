"""What text every engine can store; pure."""

import re

# PostgreSQL has no NUL; lone surrogates have no UTF-8.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def is_storable(text: str) -> bool:
    """Whether the text has neither NUL nor a lone surrogate."""
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """The text with what can't be stored replaced: for records of what happened, which must not fail.

    A file name that is not UTF-8, for example, comes from Python with lone surrogates in it.
    """
    return _UNSTORABLE.sub(REPLACEMENT, text)
