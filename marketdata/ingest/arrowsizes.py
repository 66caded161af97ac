"""How large Arrow's messages get when they are unpacked, before anybody unpacks them; pure.

Compressed buffers begin with their unpacked length, which Arrow allocates without a look at what is sensible. The
message's metadata, a flatbuffer, says where they lie.
https://arrow.apache.org/docs/format/Columnar.html#recordbatch-message
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pyarrow as pa

# Fields by their number in Message.fbs: of Message, DictionaryBatch, RecordBatch.
_HEADER_TYPE, _HEADER = 1, 2
_DATA = 1
_BUFFERS, _COMPRESSION = 2, 3
_DICTIONARY, _RECORDS = 2, 3


def unpacked_sizes(stream: pa.NativeFile) -> Iterator[int]:
    """The size of each batch of a stream in memory. Raises ArrowInvalid or ValueError for what is no such stream."""
    for message in pa.ipc.MessageReader.open_stream(stream):
        body = message.body
        yield 0 if body is None else _size(message.metadata.to_pybytes(), memoryview(body))


def _size(metadata: bytes, body: memoryview) -> int:
    try:
        root = _at(metadata, 0)
        kind_at = _field(metadata, root, _HEADER_TYPE)
        header_at = _field(metadata, root, _HEADER)
        if not kind_at or not header_at or metadata[kind_at] not in (_DICTIONARY, _RECORDS):
            return 0
        batch = _at(metadata, header_at)
        if metadata[kind_at] == _DICTIONARY:
            batch = _at(metadata, _field(metadata, batch, _DATA))
        if not _field(metadata, batch, _COMPRESSION):
            return len(body)
        vector = _at(metadata, _field(metadata, batch, _BUFFERS))
        (count,) = struct.unpack_from("<I", metadata, vector)
        total = 0
        for number in range(count):
            offset, length = struct.unpack_from("<qq", metadata, vector + 4 + 16 * number)
            if length:
                (unpacked,) = struct.unpack_from("<q", body, offset)
                # -1: left as it is.
                total += length if unpacked < 0 else unpacked
    except (struct.error, IndexError) as error:
        raise ValueError(f"a message's metadata are damaged ({error})") from None
    return total


def _at(data: bytes, position: int) -> int:
    """Where the offset at this position points."""
    return int(position + struct.unpack_from("<I", data, position)[0])


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a table lies, 0 when it is left out."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    (size,) = struct.unpack_from("<H", data, vtable)
    place = 4 + 2 * number
    if place + 2 > size:
        return 0
    (offset,) = struct.unpack_from("<H", data, vtable + place)
    return table + int(offset) if offset else 0
