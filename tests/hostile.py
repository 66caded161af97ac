"""The hostile corpus: values that are none, bodies that are none, and what no body may name."""

from __future__ import annotations

import gzip
import zlib

# What stands for no value of any kind, as it is written in JSON.
NEVER = [
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e400",
    b"9" * 5000,
    b'"\\u0000"',
    b'"\\ud800"',
    b"[" * 100_000,
    b'{"a":' * 30 + b"1" + b"}" * 30,
    b'{"a": 1, "a": 2}',
    b"{}",
    b'{"$ne": null}',
    b"[[]]",
    b'"\x00"',
    b'"\xff"',
    "\u0663".encode(),
]
# What stands for no value of this kind.
WRONG: dict[str, list[bytes]] = {
    "text": [
        b"1",
        b"1.5",
        b"true",
        b"[]",
        b'["SPY"]',
        b"null",
        b'"a\\nb"',
        b'"a\\u0007b"',
        b'"' + b"x" * 10_000 + b'"',
    ],
    # Taken as it is, blanks and all.
    "secret": [b"1", b"1.5", b"true", b"[]", b'["x"]', b"null", b'""', b'"' + b"x" * 10_000 + b'"'],
    "code": [b"1", b"1.5", b"true", b"[]", b'["x"]', b"null", b'"' + b"x" * 10_000 + b'"'],
    "number": [
        b'"NaN"',
        b'"1e400"',
        b'"1_000"',
        b'" 1"',
        b'"0x10"',
        b'"\\u0663"',
        b"true",
        b"[]",
        b'""',
        b"9223372036854775808",
        b"0.123456789",
        b"123456789.12345678",
        b'"1e-999999999"',
        b'"' + b"9" * 5000 + b'"',
    ],
    "id": [b'"1"', b"0", b"-1", b"1.0", b"true", b"9223372036854775808", b"9223372036854775807", b"[1]", b'"\\u0661"'],
    "date": [
        b"20200102",
        b'"20200102"',
        b'"2020-13-01"',
        b'"2020-02-30"',
        b'"0001-01-01"',
        b'"9999-12-31"',
        b'"2020-01-02T00:00:00Z"',
        b'"\\u0662\\u0660\\u0662\\u0660-01-02"',
        b'""',
        b"null",
        b"true",
    ],
    "moment": [
        b'"2020-01-02T10:00:00"',
        b"1577836800",
        b'"now"',
        b'"0001-01-01T00:00:00Z"',
        b'"0001-01-01T00:00:00+14:00"',
        b'"9999-12-31T23:59:59-14:00"',
        b'"2020-01-02T25:00:00Z"',
        b'"2100-01-01T00:00:00Z"',
        b"null",
    ],
    "flag": [b'"true"', b"1", b"0", b'"yes"', b"null", b"[]"],
    "count": [b'"1"', b"1.0", b"1.5", b"-1", b"true", b"null", b"9223372036854775808", b"[1]", b'"\\u0661"', b'""'],
    # Each choice has a flag of its own; {} names none of them.
    "on or off": [b'"on"', b"1", b"true", b"null", b"[]"],
    "texts": [b'"one"', b"[1]", b"[null]", b"[[]]", b'[""]', b"[" + b'"x",' * 51 + b'"x"]', b"null", b'{"0": "x"}'],
}

# Where null says that there is no limit.
WRONG["texts or null"] = [value for value in WRONG["texts"] if value != b"null"]
WRONG["future"] = [value for value in WRONG["moment"] if value not in (b"null", b'"2100-01-01T00:00:00Z"')]
# A date or a moment; what is before all ticks is taken, and is too far from the other end.
WRONG["span"] = [*WRONG["future"], b'"2020-02-30"', b'"\\u0662\\u0660\\u0662\\u0660-01-02"', b'""', b"null", b"true"]
WRONG["symbols"] = [b'"SPY"', b"[1]", b"[null]", b"[[]]", b'[""]', b'["\\u0000"]', b'["a b"]', b'{"0": "x"}']
WRONG["symbols"] += [b"[" + b'"SPY",' * 100 + b'"SPY"]']

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b"symbol=SPY",
    "half": b'{"symbol": ',
    "a list": b"[]",
    "a list of lists": b"[" * 15 + b"]" * 15,
    "a number": b"1",
    "null": b"null",
    "a text": b'"SPY"',
    "unknown": b'{"unknown": 1}',
    "twice": b'{"name": "a", "name": "b"}',
    "deep": b'{"a":' * 100_000,
    "another encoding": '{"name": "x"}'.encode("utf-16"),
    "a BOM": b'\xef\xbb\xbf{"name": "x"}',
    "NUL as a key": b'{"\\u0000": 1}',
    "a surrogate as a key": b'{"\\udfff": 1}',
    "an endless text": b'{"name": "' + b"x" * 1_000_000,
    "too large": b'{"name": "' + b"x" * (10 * 1024 * 1024) + b'"}',
}
# How a body may say that it is packed, with what is in it: nothing of it is unpacked.
PACKINGS = {
    "gzip": gzip.compress(b"0" * 50_000_000),
    "GZIP": gzip.compress(b'{"name": "x"}'),
    "deflate": zlib.compress(b"0" * 50_000_000),
    "zstd": b"\x28\xb5\x2f\xfd" + b"\x00" * 100,
    "br": b"\x00" * 100,
    "gzip, gzip": gzip.compress(gzip.compress(b"0" * 1_000_000)),
    "\N{SNOWMAN}": b"{}",
}
TYPES = {
    "latin-1": "application/json; charset=latin-1",
    "nonsense": "application/json; charset=nonsense",
    "UTF-7": "application/json; charset=utf-7",
    "text": "text/plain",
    "a form": "application/x-www-form-urlencoded",
    "a multipart form": "multipart/form-data; boundary=x",
    "no type at all": "",
    "XML": "application/xml",
}
# What the server keeps for itself; no body may name it.
SERVERS_OWN = [
    "id",
    "pk",
    "owner",
    "owner_id",
    "user",
    "name_key",
    "created_at",
    "status",
    "role",
    "is_superuser",
    "cash",
    "digest",
]
