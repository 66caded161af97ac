"""One-time passwords against RFC 6238's own vectors; recovery codes; what a guesser has to wait."""

from __future__ import annotations

import base64
import datetime as dt
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.encryption import Unreadable, decrypt, encrypt
from accounts.second_factor_codes import (
    RECOVERY_CODES,
    app_code,
    code_of_step,
    is_among,
    make_recovery_codes,
    make_secret,
    matching_step,
    provisioning_uri,
    recovery_code,
    recovery_digest,
    seconds_refused,
    step_at,
)

SECRET = base64.b32encode(b"12345678901234567890").decode()
# Appendix B of RFC 6238, SHA-1: the moment in seconds, and the last six of its eight digits.
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
STEP = dt.timedelta(seconds=30)


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_the_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    at = dt.datetime.fromtimestamp(seconds, dt.UTC)
    assert code_of_step(SECRET, step_at(at)) == code
    assert matching_step(SECRET, code, at=at, after=None) == seconds // 30


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(steps: int, taken: bool) -> None:
    code = code_of_step(SECRET, step_at(NOON))
    assert (matching_step(SECRET, code, at=NOON + steps * STEP, after=None) is not None) is taken


def test_no_step_is_taken_that_is_not_later_than_the_last() -> None:
    step = step_at(NOON)
    code = code_of_step(SECRET, step)
    assert matching_step(SECRET, code, at=NOON, after=step - 1) == step
    assert matching_step(SECRET, code, at=NOON, after=step) is None
    assert matching_step(SECRET, code, at=NOON, after=step + 1) is None


def test_the_first_second_of_time_has_codes_too() -> None:
    start = dt.datetime.fromtimestamp(0, dt.UTC)
    assert matching_step(SECRET, code_of_step(SECRET, 0), at=start, after=None) == 0


@pytest.mark.parametrize("typed", ["123456", " 123456 ", "123 456", "123-456", "12 34 56\n"])
def test_a_code_may_be_typed_in_groups(typed: str) -> None:
    assert app_code(typed) == "123456"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "12345",
        "1234567",
        "12345a",
        "+12345",
        "١٢٣٤٥٦",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "12345\x00",
        "1" * 10_000,
        " " * 100 + "123456",
    ],
)
def test_what_is_no_code_is_none(typed: str) -> None:
    assert app_code(typed) is None
    assert recovery_code(typed) is None


def test_recovery_codes_are_ten_of_eighty_bits_that_never_repeat() -> None:
    codes = [code for _ in range(50) for code in make_recovery_codes()]
    assert len(set(codes)) == len(codes) == 50 * RECOVERY_CODES
    for code in codes:
        groups = code.split("-")
        assert [len(group) for group in groups] == [4, 4, 4, 4]
        assert len(base64.b32decode("".join(groups).upper())) == 10


@pytest.mark.parametrize(
    "typed", ["abcd-efgh-2345-wxyz", "ABCDEFGH2345WXYZ", " abcd efgh 2345 wxyz ", "AbCd-eFgH2345-wxyz"]
)
def test_a_recovery_code_is_read_in_any_case_with_and_without_dashes(typed: str) -> None:
    assert recovery_code(typed) == "abcdefgh2345wxyz"


def test_a_letter_that_only_looks_like_one_makes_no_code() -> None:
    # The Kelvin sign becomes an ASCII k in lower().
    assert recovery_code("\u212abcd-efgh-2345-wxyz") is None


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading(text: str) -> None:
    for read in (app_code(text), recovery_code(text)):
        assert read is None or read.isascii()


def test_a_digest_is_of_one_user_under_one_key() -> None:
    digests = {
        recovery_digest("abcdefgh2345wxyz", user_id=user, key=key) for user in (1, 11) for key in (b"a" * 32, b"b" * 32)
    }
    assert len(digests) == 4
    assert is_among(min(digests), digests)
    assert not is_among("0" * 64, digests)
    assert not is_among("0" * 64, [])


def test_the_address_for_the_app_says_whose_it_is() -> None:
    secret = make_secret()
    uri = provisioning_uri(secret, issuer="Trading desk", account="a+b@example.com")
    parts = urlsplit(uri)
    assert uri.startswith("otpauth://totp/Trading%20desk:a%2Bb%40example.com?secret=")
    assert "+" not in uri
    assert parse_qs(parts.query) == {
        "secret": [secret],
        "issuer": ["Trading desk"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }


def test_a_secret_has_160_bits() -> None:
    assert len(base64.b32decode(make_secret())) == 20
    assert len({make_secret() for _ in range(100)}) == 100


def test_a_guesser_waits_longer_with_each_wrong_code() -> None:
    waits = [seconds_refused(failures) for failures in range(100)]
    assert waits[:8] == [0, 0, 0, 0, 0, 60, 120, 240]
    assert waits == sorted(waits)
    assert waits[-1] == seconds_refused(10**9) == 24 * 60 * 60


def test_a_year_of_guessing_with_the_password_stays_under_one_in_five_hundred() -> None:
    seconds, tries = 0, 0
    while seconds < 365 * 24 * 60 * 60:
        tries += 1
        seconds += seconds_refused(tries)
    # Three steps are good at any time.
    assert tries * 3 / 10**6 < 1 / 500


def test_what_was_encrypted_is_read_under_the_same_key_and_purpose_only() -> None:
    stored = encrypt(SECRET, secret_keys=["old"], purpose="user 1")
    assert SECRET not in stored
    assert decrypt(stored, secret_keys=["old"], purpose="user 1") == SECRET
    assert decrypt(stored, secret_keys=["new", "old"], purpose="user 1") == SECRET
    for keys, purpose in ((["new"], "user 1"), (["old"], "user 2")):
        with pytest.raises(Unreadable):
            decrypt(stored, secret_keys=keys, purpose=purpose)
    with pytest.raises(Unreadable):
        decrypt(stored[:-4] + "AAAA", secret_keys=["old"], purpose="user 1")


def test_it_is_encrypted_under_the_first_key() -> None:
    stored = encrypt(SECRET, secret_keys=["new", "old"], purpose="p")
    assert decrypt(stored, secret_keys=["new"], purpose="p") == SECRET
