"""What can be wrong with the archive."""

from tradingsite.core.errors import Conflict, Unavailable


class ArchiveDamaged(Unavailable):
    """A sealed file is not what was sealed; it is named, and none of it is served."""

    code = "archive_damaged"
    title = "A file of the archive is damaged"


class ArchiveUnwritable(Unavailable):
    """The archive takes no file: the disk is full, or the folder not ours. Nothing was changed."""

    code = "archive_unwritable"
    title = "The archive can't be written"


class ArchiveBusy(Conflict):
    """Another process seals or compacts; only one may at a time."""

    code = "archive_busy"
    title = "Somebody else works on the archive"
