"""Running a command so that what a person can mend ends in one sentence, not in a trace."""

from __future__ import annotations

import sys

from django.core.exceptions import ImproperlyConfigured
from django.db.utils import InterfaceError, OperationalError

EXIT_FAILED = 1


def run(arguments: list[str]) -> int:
    """Run `manage.py`'s arguments; the exit status is 0, 1 (failed) or 2 (wrong usage)."""
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(arguments)
    except ImproperlyConfigured as error:
        return fail(str(error))
    except (OperationalError, InterfaceError) as error:
        sentence = connection_sentence(error)
        if sentence is None:
            raise
        return fail(sentence)
    except KeyboardInterrupt:
        return fail("Stopped.")
    except BrokenPipeError:
        # The reader of our output has gone (`... | head`); that is its right.
        sys.stderr.close()
        return EXIT_FAILED
    return 0


def fail(sentence: str) -> int:
    sys.stderr.write(sentence.rstrip() + "\n")
    return EXIT_FAILED


def connection_sentence(error: Exception) -> str | None:
    """What to tell when the database can't be reached; None when the error is another one."""
    from django.db import connection

    from tradingsite.core.database import describe

    try:
        connection.close()
        connection.ensure_connection()
    except Exception:  # noqa: BLE001  # whatever the driver says: the question is only whether it answers
        reason = " ".join(str(error).split())
        return f"The database {describe(connection.settings_dict)} can't be reached: {reason}"
    return None
