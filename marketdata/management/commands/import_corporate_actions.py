"""Load splits and dividends from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from marketdata.management.rows_command import RowsCommand

if TYPE_CHECKING:
    from marketdata.ingest.options import OnError
    from marketdata.ingest.summary import LoadSummary


class Command(RowsCommand):
    help = (
        "Load splits and dividends from CSV files with the columns symbol, kind (split or dividend), ex_date, ratio "
        "(new shares for old ones: 4:1, 4/1, or a number such as 4 or 0.1), amount (cash a share), currency (the "
        "instrument's where it is empty), pay_date, known_at (when it became known), number (which of the day's of "
        "its kind); a column that is not needed may be missing. Loading the same file again changes nothing; a row "
        "that differs from what is stored takes its place, and what was known before stays on record. "
        "Exit status: 0 every row loaded, 1 failed or found bad rows (the good ones are loaded unless --on-error "
        "abort), 2 wrong usage. More in docs/adjustment.md."
    )

    def load_file(self, path: Path, on_error: OnError) -> LoadSummary:
        from marketdata.actions.reading import open_actions
        from marketdata.services.action_loads import load_corporate_actions

        return load_corporate_actions(actor=self.actor, source=open_actions(path), on_error=on_error)
