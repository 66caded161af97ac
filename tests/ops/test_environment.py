"""The `.env` that a first start writes."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from django.core.checks import run_checks

from tradingsite.core.environment import load_environment
from tradingsite.ops import environment
from tradingsite.ops.environment import environment_text, write_environment


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    old = os.umask(0)
    try:
        assert write_environment(file)
    finally:
        os.umask(old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SECRET_KEY=mine\n")
    assert not write_environment(file)
    assert file.read_text() == "SECRET_KEY=mine\n"


def test_a_file_that_comes_in_between_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"

    def somebody_is_faster() -> str:
        file.write_text("SECRET_KEY=mine\n")
        return environment_text()

    monkeypatch.setattr(environment, "environment_text", somebody_is_faster)
    assert not write_environment(file)
    assert file.read_text() == "SECRET_KEY=mine\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def disk_is_full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_is_full)
    with pytest.raises(OSError, match="No space"):
        write_environment(tmp_path / ".env")
    assert list(tmp_path.iterdir()) == []


def test_the_secrets_pass_the_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object) -> None:
    write_environment(tmp_path / ".env")
    names = ("SECRET_KEY", "JWT_SIGNING_KEY", "API_KEY_PEPPERS", "AUDIT_SEAL_KEY")
    for name in names:
        # Set first, so that monkeypatch takes away afterwards what the file brings.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    read = load_environment(tmp_path / ".env")
    for name in names:
        setattr(settings, name, read.text(name))
    assert [found for found in run_checks() if (found.id or "").startswith("desk.E00")] == []


def test_every_file_has_secrets_of_its_own() -> None:
    secrets = [value for _ in range(2) for value in re.findall(r"^\w+=(.+)$", environment_text(), re.MULTILINE)]
    assert len(set(secrets)) == len(secrets) == 8
