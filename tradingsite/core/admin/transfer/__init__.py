"""Import and export in the admin: scoped, through services, with formulas quoted."""

from tradingsite.core.admin.transfer.pages import ExportPages, ImportPages
from tradingsite.core.admin.transfer.resources import ImportResource

__all__ = ["ExportPages", "ImportPages", "ImportResource"]
