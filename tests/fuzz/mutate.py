"""Changes of valid documents: bits, cuts, repeats, pieces of others, and values that are odd for the format."""

import json
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any

from gzcore.dataset.tfrecord import frame, read_records

Mutation = Callable[[random.Random, bytes, Sequence[bytes]], bytes]
"""(chance, document, other documents) to a changed document."""

NUMBERS = (0, 1, -1, 2, 127, 128, 255, 256, 2**31 - 1, -(2**31), 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30)
TEXTS = (
    *("", " ", "null", "nan", "NaN", "inf", "-inf", "1e999", "1e-999", "0x10", "1_000", "true", "TRUE", "None"),
    *(
        "..",
        "../..",
        "/etc/passwd",
        "a/../../b",
        "gs://bucket/key",
        "http://host",
        "C:\\x",
        "\\",
        '"',
        "'",
        '""',
        '"""',
    ),
    *("\x00", "\ufeff", "\u202e", "\x1b[31m", "\u00e9", "\U0001f30c", "a" * 5000, "%s", "{}", "[]", "[[[[", "{{{{"),
    *(
        "\r",
        "\r\n",
        "\n\n",
        "\t",
        ";",
        ",",
        "|",
        "#",
        "=",
        "-0",
        "+1",
        "1.5.5",
        "٣",
        "5.87722e17",
        "587722981736120347",
    ),
)
VALUES: tuple[Any, ...] = (
    *NUMBERS,
    *TEXTS,
    None,
    True,
    False,
    0.5,
    -0.0,
    1e308,
    [],
    {},
    [[]],
    [None],
    {"a": 1},
    [1, "a"],
)


def flip(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:  # noqa: ARG001
    """Turn over a few bits."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def overwrite(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Put an odd number over some bytes, packed as binary formats have it."""
    number, width = rng.choice(NUMBERS), rng.choice((1, 2, 4, 8))
    packed = struct.pack("<Q", number % 2**64)[:width]
    at = rng.randrange(len(data) + 1)
    return data[:at] + (packed if rng.random() < 0.5 else packed[::-1]) + data[at + width :]


def cut(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Leave out a stretch, or everything from some byte on."""
    first, last = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    return data[:first] + (b"" if rng.random() < 0.3 else data[last:])


def repeat(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Write a stretch several times."""
    first = rng.randrange(len(data) + 1)
    last = min(len(data), first + rng.choice((1, 4, 30, 400)))
    return data[:first] + data[first:last] * rng.choice((2, 3, 50)) + data[last:]


def splice(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Put a stretch of another document into this one."""
    other = rng.choice(others)
    first, last = sorted((rng.randrange(len(other) + 1), rng.randrange(len(other) + 1)))
    at = rng.randrange(len(data) + 1)
    return (
        data[:at] + other[first : min(last, first + 2000)] + data[rng.choice((at, min(len(data), at + last - first))) :]
    )


def insert_text(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Put an odd text somewhere, or in place of a word."""
    text = rng.choice(TEXTS).encode()
    at = rng.randrange(len(data) + 1)
    if rng.random() < 0.5:
        return data[:at] + text + data[at:]
    end = at
    while end < len(data) and (data[end : end + 1].isalnum() or data[end] in b"._-"):
        end += 1
    return data[:at] + text + data[end:]


BYTES: tuple[Mutation, ...] = (flip, overwrite, cut, repeat, splice)
TEXT: tuple[Mutation, ...] = (flip, cut, repeat, splice, insert_text, insert_text)


_LARGE = 2 << 20
"""Bytes that a change may make of a document, roughly: a large one a thousand times over would take long to write."""


def change_json(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change one value of a JSON document; of what is no JSON, a text."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return insert_text(rng, data, others)
    holder, key = _some_place(rng, document)
    if holder is None:
        return json.dumps(rng.choice(VALUES)).encode()
    _change(rng, holder, key, copies=_LARGE // len(data))
    return json.dumps(document).encode()


def _some_place(rng: random.Random, value: Any) -> tuple[Any, Any]:
    """A random table or list in a document, and one of its keys; deeper ones are as likely as others."""
    holder, key = None, None
    while isinstance(value, dict | list) and value:
        holder, key = value, rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
        value = value[key]
        if rng.random() < 0.25:
            break
    return holder, key


def _change(rng: random.Random, holder: Any, key: Any, copies: int) -> None:
    way = rng.randrange(5)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, list):
        holder.extend([holder[key]] * min(copies, rng.choice((1, 3, 1000))))
    elif way == 2 and isinstance(holder, dict):
        holder[rng.choice(TEXTS)] = holder[key]
    elif way == 3:
        nested: Any = holder[key]
        for _ in range(rng.choice((1, 2, 100))):
            nested = [nested] if rng.random() < 0.5 else {"a": nested}
        holder[key] = nested
    else:
        holder[key] = rng.choice(VALUES)


JSON: tuple[Mutation, ...] = (*TEXT, *([change_json] * 8))


def change_record(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change one record of a TFRecord file, with the right checksums."""
    import io

    try:
        records = list(read_records(io.BytesIO(data)))
    except ValueError:
        return flip(rng, data, others)
    if not records:
        return frame(data)
    at = rng.randrange(len(records))
    records[at] = rng.choice(BYTES)(rng, records[at], records)
    return b"".join(map(frame, records))


RECORDS: tuple[Mutation, ...] = (*BYTES, change_record)


def change_member(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Change one member of a zip archive, with the right checksum."""
    import io
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        at = rng.choice(list(members))
        members[at] = rng.choice(BYTES)(rng, members[at], list(members.values()))
    except Exception:
        return flip(rng, data, (data,))
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return changed.getvalue()


ZIP: tuple[Mutation, ...] = (*BYTES, *([change_member] * 5))


def mutated(
    rng: random.Random, data: bytes, others: Sequence[bytes], mutations: Sequence[Mutation], largest: int
) -> bytes:
    """Change a document one to four times, and cut it to so many bytes each time: a list may grow a thousandfold."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        data = rng.choice(mutations)(rng, data, others)[:largest]
    return data
