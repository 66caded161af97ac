"""Daily bars from an uploaded file: the whole table goes to the ingest service at once."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from import_export.results import Result, RowResult

from marketdata.ingest.options import LoadOptions, OnError
from marketdata.ingest.summary import LoadSummary, RowsRefused
from marketdata.models import DailyBar
from tradingsite.core.admin.transfer import ImportResource
from tradingsite.core.errors import DeskError
from tradingsite.core.timeframes import Timeframe

COLUMNS = ("symbol", "date", "open", "high", "low", "close", "volume", "dividends", "stock_splits")
# A preview is for looking at; the counts are of all rows.
SHOWN_ROWS = 100


class DailyBarResource(ImportResource):
    """Rows as `import_bars` takes them: a column `symbol`, a date, prices as traded.

    The preview loads everything and rolls it back; one bad row refuses the file.
    """

    class Meta:
        model = DailyBar
        name = "daily bars"
        fields = ()

    def get_user_visible_fields(self) -> list[Any]:
        return [type("Column", (), {"column_name": name}) for name in COLUMNS]

    def import_data(self, dataset: Any, dry_run: bool = False, **kwargs: Any) -> Result:
        result = Result()
        result.total_rows = len(dataset)
        result.diff_headers = list(dataset.headers)
        try:
            with transaction.atomic():
                summary = self._load(dataset, str(kwargs.get("file_name") or "upload"))
                transaction.set_rollback(dry_run)
        except RowsRefused as refused:
            for reject in refused.rejects:
                row = dict(zip(dataset.headers, dataset[reject.line - 1], strict=True))
                result.append_invalid_row(reject.line, row, ValidationError(reject.message))
            return result
        except DeskError as refusal:
            result.append_base_error(self.get_error_result_class()(refusal))
            return result
        self._fill(result, dataset, summary)
        return result

    def _load(self, dataset: Any, name: str) -> LoadSummary:
        import pyarrow as pa

        from marketdata.services.ingest import TableSource, load_bars

        columns = {
            header: pa.array([_text(value) for value in dataset[header]], pa.string()) for header in dataset.headers
        }
        return load_bars(
            actor=self.importer,
            source=TableSource(name[:255], pa.table(columns)),
            timeframe=Timeframe.DAY_1,
            options=LoadOptions(on_error=OnError.ABORT),
        )

    def _fill(self, result: Result, dataset: Any, summary: LoadSummary) -> None:
        for values in dataset[:SHOWN_ROWS]:
            row = RowResult()
            row.import_type = RowResult.IMPORT_TYPE_NEW
            row.diff = ["" if value is None else str(value) for value in values]
            result.append_row_result(row)
        result.totals[RowResult.IMPORT_TYPE_NEW] = summary.inserted
        result.totals[RowResult.IMPORT_TYPE_UPDATE] = summary.updated
        result.totals[RowResult.IMPORT_TYPE_SKIP] = summary.unchanged


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
