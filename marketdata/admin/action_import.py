"""Corporate actions from an uploaded file: the whole table goes to the service at once."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from import_export.results import Result, RowResult

from marketdata.actions.reading import COLUMNS, ActionRow, ActionSource, headers
from marketdata.ingest.options import OnError
from marketdata.ingest.summary import LoadSummary, RowsRefused
from marketdata.models import CorporateAction
from marketdata.services.action_loads import load_corporate_actions
from tradingsite.core.admin.transfer import ImportResource
from tradingsite.core.errors import DeskError

# A preview is for looking at; the counts are of all rows.
SHOWN_ROWS = 100


class CorporateActionResource(ImportResource):
    """Rows as `import_corporate_actions` takes them; the preview loads everything and rolls it back."""

    class Meta:
        model = CorporateAction
        name = "corporate actions"
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
        columns = headers(name, dataset.headers)
        rows = tuple(
            ActionRow(line, {column: _text(value) for column, value in zip(columns, values, strict=True)})
            for line, values in enumerate(dataset, start=1)
        )
        return load_corporate_actions(actor=self.importer, source=ActionSource(name, rows), on_error=OnError.ABORT)

    def _fill(self, result: Result, dataset: Any, summary: LoadSummary) -> None:
        for values in dataset[:SHOWN_ROWS]:
            row = RowResult()
            row.import_type = RowResult.IMPORT_TYPE_NEW
            row.diff = ["" if value is None else str(value) for value in values]
            result.append_row_result(row)
        result.totals[RowResult.IMPORT_TYPE_NEW] = summary.inserted
        result.totals[RowResult.IMPORT_TYPE_UPDATE] = summary.updated
        result.totals[RowResult.IMPORT_TYPE_SKIP] = summary.unchanged


def _text(value: Any) -> str:
    return "" if value is None else str(value)
