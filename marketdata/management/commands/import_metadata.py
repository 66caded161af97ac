"""Load instruments from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from marketdata.management.rows_command import RowsCommand

if TYPE_CHECKING:
    from marketdata.ingest.options import OnError
    from marketdata.ingest.summary import LoadSummary


class Command(RowsCommand):
    help = (
        "Make and change instruments from CSV or JSON files (a list of objects), with the columns that "
        "GET metadata?format=csv and the admin's export write: symbol, company_name, asset_class, exchange, calendar, "
        "currency, time_zone, sector, industry, market_cap, tick_size, quantity_step, lot_size, multiplier, "
        "is_simulated, is_active. Only symbol must be there; an empty value leaves what is stored alone. "
        "Loading the same file again changes nothing. Exit status: 0 every row loaded, 1 failed or found bad rows "
        "(the good ones are loaded unless --on-error abort), 2 wrong usage."
    )
    reads = "CSV, or JSON (.json)"

    def load_file(self, path: Path, on_error: OnError) -> LoadSummary:
        from marketdata.services.instrument_loads import load_metadata, read_metadata

        return load_metadata(actor=self.actor, source=path.name, rows=read_metadata(path), on_error=on_error)
