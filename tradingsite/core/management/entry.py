"""Running a command so that what a person can mend ends in one sentence, not in a trace."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.db.utils import DatabaseError, InterfaceError, NotSupportedError

EXIT_FAILED = 1
MIGRATING = frozenset({"migrate", "bootstrap", "setup_database"})


def run(arguments: list[str]) -> int:
    """Run `manage.py`'s arguments; the exit status is 0, 1 (failed) or 2 (wrong usage)."""
    from django.core.management import execute_from_command_line

    try:
        prepare_databases()
        execute_from_command_line(arguments)
    except ImproperlyConfigured as error:
        return fail(str(error))
    except (DatabaseError, InterfaceError) as error:
        sentence = database_sentence(error, command=arguments[1] if len(arguments) > 1 else "")
        if sentence is None or "--traceback" in arguments:
            raise
        return fail(sentence)
    except KeyboardInterrupt:
        return fail("Stopped.")
    except BrokenPipeError:
        # The reader of our output has gone (`... | head`); that is its right. Nothing more may be
        # written, not even by the interpreter's own flush when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    return 0


def prepare_databases() -> None:
    """Make the database settings fit for a command; raises ImproperlyConfigured."""
    from django.conf import settings

    from tradingsite.core.database import for_one_thread

    for entry in settings.DATABASES.values():
        try:
            for_one_thread(entry, root=settings.BASE_DIR)
        except OSError as error:
            raise ImproperlyConfigured(f"The folder of {entry['NAME']} can't be made: {error.strerror}.") from None


def fail(sentence: str) -> int:
    sys.stderr.write(sentence.rstrip() + "\n")
    return EXIT_FAILED


def database_sentence(error: Exception, *, command: str) -> str | None:
    """What to tell a person of a database error; None when it is a fault of ours."""
    from django.db import connection

    from tradingsite.core.database import describe

    place = describe(connection.settings_dict)
    if isinstance(error, NotSupportedError):
        return f"The database {place} is too old: {reason(error)}"
    try:
        connection.close()
        connection.ensure_connection()
    except Exception as refusal:  # noqa: BLE001  # whatever the driver says: the question is only whether it answers
        return f"The database {place} can't be reached: {reason(refusal)}"
    waiting = migrations_to_run()
    if waiting and command in MIGRATING:
        return f"The database {place} could not be migrated: {reason(error)} `--traceback` shows where."
    if waiting:
        return f"The database {place} lacks {waiting} of this version's migrations; run `manage.py bootstrap` first."
    return None


def migrations_to_run() -> int:
    """How many migrations the database has not seen."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def reason(error: Exception) -> str:
    """The first line of a driver's message, without the numbers and brackets that PyMySQL puts around it."""
    cause = error.__cause__ or error
    words = cause.args[1] if len(cause.args) == 2 and isinstance(cause.args[1], str) else str(cause)
    return words.strip().partition("\n")[0].strip().rstrip(".") + "."
