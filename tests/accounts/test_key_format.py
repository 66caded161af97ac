from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.key_format import (
    KEY_LENGTH,
    KEY_PATTERN,
    PREFIX,
    checksum,
    key_digest,
    make_key,
    parse_key,
    parse_peppers,
)

# One key for all runs: xdist wants every worker to collect the same tests.
_BODY = f"tsk_abcdefghij234567_{'0123456789-ABCDEFGHIJ_abcdefghij-KLMNOPQRSTUV'[:43]}"
KEY = _BODY + checksum(_BODY)


def test_a_made_key_has_the_published_form() -> None:
    assert re.fullmatch(r"tsk_[a-z2-7]{16}_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}", KEY)
    assert re.fullmatch(KEY_PATTERN, KEY)
    assert len(KEY) == KEY_LENGTH == 70


def test_every_made_key_is_understood() -> None:
    for _ in range(200):
        made = make_key()
        assert parse_key(made.text) == made


def test_no_two_keys_are_alike() -> None:
    made = [make_key() for _ in range(500)]
    assert len({key.text for key in made}) == len({key.public_id for key in made}) == 500


@pytest.mark.parametrize("position", range(KEY_LENGTH))
def test_a_key_with_one_other_character_is_refused(position: int) -> None:
    for character in string.ascii_letters + string.digits + "_-= \x00é":
        if character != KEY[position]:
            assert parse_key(KEY[:position] + character + KEY[position + 1 :]) is None


@pytest.mark.parametrize("position", range(len(PREFIX), KEY_LENGTH - 1))
def test_a_key_with_two_neighbours_swapped_is_refused(position: int) -> None:
    swapped = KEY[:position] + KEY[position + 1] + KEY[position] + KEY[position + 2 :]
    assert swapped == KEY or parse_key(swapped) is None


@pytest.mark.parametrize("text", ["", "tsk_", KEY[:-1], KEY + "a", KEY + "\n", " " + KEY, KEY.upper(), "x" * 10**6])
def test_anything_else_is_refused(text: str) -> None:
    assert parse_key(text) is None


@given(text=st.text(max_size=100))
def test_any_text_is_answered(text: str) -> None:
    assert parse_key(text) is None


def test_the_checksum_is_crc_32_in_base_62() -> None:
    assert checksum("tsk_") == "4MjxIN"  # 4000563415
    assert checksum("") == "000000"


def test_a_key_that_is_printed_by_accident_does_not_leak() -> None:
    made = make_key()
    assert made.text not in repr(made)
    assert made.text[21:] not in f"{made}"


def test_the_digest_depends_on_the_whole_key_and_on_the_pepper() -> None:
    digest = key_digest(KEY, pepper="p")
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert digest != key_digest(KEY, pepper="q")
    assert digest != key_digest(KEY[:-1] + ("a" if KEY[-1] != "a" else "b"), pepper="p")


@pytest.mark.parametrize(
    ("text", "peppers"),
    [
        ("", {}),
        ("1:a", {1: "a"}),
        (" 1:a , 2:b ,", {1: "a", 2: "b"}),
        ("10:with:colon", {10: "with:colon"}),
    ],
)
def test_peppers_are_numbered(text: str, peppers: dict[int, str]) -> None:
    assert parse_peppers(text) == peppers


@pytest.mark.parametrize("text", ["a", "a:b", "1", "1:", ":a", "0:a", "-1:a", "1:a,1:b", "32768:a", "١:a", "1.0:a"])
def test_peppers_that_can_not_be_told_apart_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"pepper|API_KEY_PEPPERS"):
        parse_peppers(text)
