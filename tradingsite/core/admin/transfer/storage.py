"""Where an uploaded file waits between the preview and the confirmation."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core import signing
from import_export.tmp_storages import BaseStorage

from tradingsite.core.errors import InvalidInput

LIFETIME_SECONDS = 24 * 60 * 60
_SALT = "tradingsite.core.admin.transfer"


class PreviewStorage(BaseStorage):
    """A folder of this system user's own, emptied of what is older than a day."""

    def save(self, data: bytes) -> None:
        folder = preview_folder()
        remove_stale(folder)
        self.name = uuid4().hex
        descriptor = os.open(folder / self.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)

    def read(self) -> Any:
        try:
            data = self._path.read_bytes()
        except OSError:
            raise InvalidInput("The uploaded file is not there any more. Please upload it again.") from None
        if "b" in self.read_mode:
            return data
        try:
            return data.decode(self.encoding or "utf-8")
        except UnicodeDecodeError:
            raise InvalidInput("The file is not UTF-8 text.") from None

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    @property
    def _path(self) -> Path:
        return preview_folder() / Path(str(self.name)).name


def preview_folder() -> Path:
    """The folder, made when it is not there."""
    folder = Path(tempfile.gettempdir()) / f"tradingdesk-imports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise InvalidInput(f"The folder {folder} belongs to somebody else.")
    return folder


def remove_stale(folder: Path) -> None:
    """Delete previews that nobody confirmed."""
    oldest = time.time() - LIFETIME_SECONDS
    for file in folder.iterdir():
        if file.stat(follow_symlinks=False).st_mtime < oldest:
            file.unlink(missing_ok=True)


def signed_name(name: str, *, user_id: int, table: str) -> str:
    """The name of a waiting file as the page carries it: good for this user and table only."""
    return signing.dumps([name, user_id, table], salt=_SALT)


def name_of(signed: str, *, user_id: int, table: str) -> str:
    """The waiting file's name. Raises InvalidInput when it is another's, another table's or too old."""
    try:
        name, owner, of_table = signing.loads(signed, salt=_SALT, max_age=LIFETIME_SECONDS)
    except (signing.BadSignature, ValueError):
        raise InvalidInput("The uploaded file is not there any more. Please upload it again.") from None
    if (owner, of_table) != (user_id, table):
        raise InvalidInput("The uploaded file is not there any more. Please upload it again.")
    return str(name)
