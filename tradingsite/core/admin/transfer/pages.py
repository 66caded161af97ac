"""The export and import pages of a list."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponseRedirect
from django.urls import reverse
from import_export.admin import ExportMixin, ImportMixin
from import_export.forms import ConfirmImportForm
from unfold.contrib.import_export.forms import ImportForm, SelectableFieldsExportForm

from tradingsite.core.admin.transfer.formats import FORMATS, checked
from tradingsite.core.admin.transfer.resources import ImportResource, ScopedResource, export_resource
from tradingsite.core.admin.transfer.storage import PreviewStorage, name_of, signed_name
from tradingsite.core.errors import DeskError, InvalidInput
from tradingsite.core.http import admin_actor
from tradingsite.core.transactions import in_transaction

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

MOST_EXPORTED_ROWS = 100_000
BOTH_BUTTONS = "admin/import_export/change_list_import_export.html"
MOST_UPLOADED_BYTES = 10 * 1024 * 1024

logger = logging.getLogger(__name__)


class ExportPages(ExportMixin):
    """Export of what the list shows, as the list is filtered."""

    export_form_class = SelectableFieldsExportForm
    # Offers both; without ImportPages nobody has the permission to import.
    import_export_change_list_template = BOTH_BUTTONS
    #: Columns, or paths to another table's name; every one of the list's tables is joined.
    export_fields: ClassVar[tuple[str, ...]]

    @property
    def export_formats(self) -> list[Any]:
        return FORMATS

    def get_export_resource_classes(self, request: HttpRequest) -> list[type[ScopedResource]]:
        return [export_resource(self.model, self.export_fields)]

    def get_export_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {"actor": admin_actor(request)}

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request))

    def export_action(self, request: HttpRequest) -> HttpResponseBase:
        if "export_items" in request.POST:
            # Meant for an action on selected rows, which is not offered.
            raise SuspiciousOperation("export_items is not taken.")
        try:
            return super().export_action(request)  # type: ignore[no-any-return]  # import-export's
        except IncorrectLookupParameters:
            messages.error(request, "The list can't be filtered like that.")
        except DeskError as refusal:
            messages.error(request, refusal.detail)
        return HttpResponseRedirect(f"{reverse(self.url_name('changelist'))}")

    def get_export_data(self, file_format: Any, request: HttpRequest, queryset: Any, **kwargs: Any) -> Any:
        if queryset[MOST_EXPORTED_ROWS : MOST_EXPORTED_ROWS + 1].exists():
            raise InvalidInput(
                f"More than {MOST_EXPORTED_ROWS:,} rows match. Filter the list first, "
                "or fetch them through the API (/api/docs/), which pages through any number."
            )
        return super().get_export_data(file_format, request, queryset, **kwargs)


class UploadForm(ImportForm):
    """The file to import, of a size that fits a preview."""

    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > MOST_UPLOADED_BYTES:
            raise forms.ValidationError(
                f"The file is larger than {MOST_UPLOADED_BYTES // 1024**2} MB; "
                "load large files with a command or through the API."
            )
        return file


class ConfirmForm(ConfirmImportForm):
    """What the preview's page carries to the import; the file's name is signed for its user."""

    def __init__(self, *args: Any, user_id: int, table: str, formats: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user_id, self.table, self.formats = user_id, table, formats

    def clean_import_file_name(self) -> str:
        try:
            return name_of(self.cleaned_data["import_file_name"], user_id=self.user_id, table=self.table)
        except InvalidInput as refusal:
            raise forms.ValidationError(refusal.detail) from None

    def clean_format(self) -> str:
        number = str(self.cleaned_data["format"])
        if number not in {str(known) for known in range(self.formats)}:
            raise forms.ValidationError("Choose a format.")
        return number

    def clean_resource(self) -> str:
        return "0"


class ImportPages(ImportMixin):
    """Import with a preview; rows are saved by the resource's service, all or none."""

    import_resource: ClassVar[type[ImportResource]]
    import_export_change_list_template = BOTH_BUTTONS
    import_form_class = UploadForm
    confirm_form_class = ConfirmForm
    tmp_storage_class = PreviewStorage
    most_imported_rows: ClassVar[int] = 5_000

    @property
    def import_formats(self) -> list[Any]:
        return [self._checked(known) for known in FORMATS]

    def _checked(self, known: Any) -> Any:
        most_rows = self.most_imported_rows

        class Checked(known):
            def create_dataset(self, in_stream: Any, **kwargs: Any) -> Any:
                return checked(super().create_dataset(in_stream, **kwargs), most_rows=most_rows)

        return Checked

    def get_import_resource_classes(self, request: HttpRequest) -> list[type[ImportResource]]:
        return [self.import_resource]

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {"actor": admin_actor(request)}

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_import_data_kwargs(**kwargs), "rollback_on_validation_errors": True}

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request))

    def get_confirm_form_initial(self, request: HttpRequest, import_form: Any) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_confirm_form_initial(request, import_form)
        if initial:
            initial["import_file_name"] = signed_name(initial["import_file_name"], **self._waiting_for(request))
        return initial

    def get_confirm_form_kwargs(self, request: HttpRequest, import_form: Any = None) -> dict[str, Any]:
        kwargs = super().get_confirm_form_kwargs(request, import_form)
        return {**kwargs, **self._waiting_for(request), "formats": len(FORMATS)}

    def _waiting_for(self, request: HttpRequest) -> dict[str, Any]:
        return {"user_id": request.user.pk, "table": self.model._meta.db_table}

    def add_data_read_fail_error_to_form(self, form: Any, e: Exception) -> None:
        if isinstance(e, DeskError):
            form.add_error("import_file", e.detail)
        else:
            logger.info("An upload could not be read: %r", e)
            form.add_error("import_file", "The file can't be read in this format.")

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        response = super().import_action(request, **kwargs)
        name = getattr(request.FILES.get("import_file"), "tmp_storage_name", None)
        if name and "confirm_form" not in response.context_data:
            # Nothing to confirm: the file does not wait.
            PreviewStorage(name=name).remove()
        return response  # type: ignore[no-any-return]  # import-export's

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        try:
            return in_transaction(super().process_import)(request, **kwargs)  # type: ignore[no-any-return]
        except DeskError as refusal:
            messages.error(request, refusal.detail)
            return HttpResponseRedirect(reverse(self.url_name("import")))

    def process_result(self, result: Any, request: HttpRequest) -> HttpResponseBase:
        if result.has_errors() or result.has_validation_errors():
            raise InvalidInput("Something has changed since the preview, and nothing was imported. Please try again.")
        return super().process_result(result, request)  # type: ignore[no-any-return]  # import-export's
