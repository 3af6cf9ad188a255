"""Whether a JPEG that ends oddly has all its pixels: some cameras and tools leave stray bytes before the end marker.

The decoder warns in two cases that look alike. Either all pixels are there and stray bytes follow them; or a damaged
byte made it lose its place, so that it finished too early and the rest of the image is left over. Here the Huffman
codes are counted (ITU-T T.81, annexes B and F). All pixels are certain where

- every block of the image can be decoded,
- the bits up to the next whole byte are the 1-bits that an encoder fills in (F.1.2.3), and
- what follows cannot be read as more blocks up to its very end.

Only baseline JPEGs of one scan are counted; of others nothing is certain.
"""

import functools
import struct
from dataclasses import dataclass, field

MOST_PIXELS = 1 << 21
"""Larger images are not counted: Python takes a second for so many."""
MOST_STRAY_BLOCKS = 1 << 13
"""What reads as more blocks behind the last pixel is not read on; whether it is pixels is then not certain."""
_MOST_COMPONENTS = 4
_SAMPLING = range(1, 5)
"""Factors of sampling (ITU-T T.81, B.2.2)."""
_MOST_BLOCKS = 10
"""Blocks of a unit (B.2.3)."""
_MOST_SYMBOLS = 256
_START, _END = 0xD8, 0xD9
_BASELINE = (0xC0, 0xC1)
_OTHER_FRAMES = frozenset(range(0xC2, 0xD0)) - {0xC4, 0xC8, 0xCC}
_RESTARTS = range(0xD0, 0xD8)
_COEFFICIENTS = 64

Codes = list[tuple[int, int]]
"""For every 16 bits: the length of the code that they begin with (0: none), and its symbol."""
Table = tuple[bytes, bytes]
"""How many codes there are of each length of 1 to 16 bits, and their symbols."""


class _Unknown(Exception):
    """The file has something that is not counted here, or is damaged."""


@dataclass(slots=True)
class _Image:
    """What the markers before the pixels say."""

    height: int = 0
    width: int = 0
    sampling: dict[int, tuple[int, int]] = field(default_factory=dict)
    tables: dict[int, Table] = field(default_factory=dict)
    restart: int = 0
    blocks: list[tuple[Codes, Codes]] = field(default_factory=list)
    units: int = 0


@dataclass(slots=True)
class _Bits:
    """Bits of a stretch of Huffman codes, and how many were read."""

    data: bytes
    at: int = 0

    def peek(self) -> int:
        """The next 16 bits; zeros follow the last."""
        byte, bit = divmod(self.at, 8)
        return int.from_bytes(self.data[byte : byte + 3].ljust(3, b"\0"), "big") >> (8 - bit) & 0xFFFF

    def is_over(self) -> bool:
        """Whether more was read than there is."""
        return self.at > 8 * len(self.data)

    def on_padding(self) -> bool:
        """Whether only 1-bits are left of the byte that was begun."""
        left = -self.at % 8
        return left == 0 or self.data[self.at // 8] & ((1 << left) - 1) == (1 << left) - 1

    def rest(self) -> bytes:
        """Whole bytes that were not begun."""
        return self.data[-(-self.at // 8) :]


def stray_bytes(data: bytes) -> int | None:
    """Count the stray bytes behind the last pixel of a JPEG.

    Returns:
        Their number; or None where it is not certain that all pixels are there.
    """
    try:
        image, start = _read_markers(data)
        stretches = _stretches(data, start)
        return _count(image, stretches)
    except (_Unknown, struct.error, IndexError, KeyError):  # a damaged header ends in one of these
        return None


def _read_markers(data: bytes) -> tuple[_Image, int]:
    """Read all markers up to the pixels; returns where these begin."""
    image, place = _Image(), 2
    while data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        segment = data[place + 4 : place + 2 + length]
        place += 2 + length
        if marker == 0xDA:
            _read_scan(image, segment)
            return image, place
        _read_segment(image, marker, segment)
    raise _Unknown


def _read_segment(image: _Image, marker: int, segment: bytes) -> None:
    if marker in _OTHER_FRAMES:
        raise _Unknown
    if marker in _BASELINE:
        image.height, image.width, count = struct.unpack_from(">xHHB", segment)
        for place in range(6, 6 + 3 * count, 3):
            image.sampling[segment[place]] = (segment[place + 1] >> 4, segment[place + 1] & 15)
    elif marker == 0xC4:
        _read_tables(image, segment)
    elif marker == 0xDD:
        (image.restart,) = struct.unpack(">H", segment)


def _read_tables(image: _Image, segment: bytes) -> None:
    """Note tables of codes as they stand. A file may have thousands; only those that its scan names are laid out."""
    while segment:
        name, lengths = segment[0], segment[1:17]
        end = 17 + sum(lengths)
        image.tables[name] = lengths, segment[17:end]
        segment = segment[end:]


@functools.lru_cache(maxsize=8)
def _codes(table: Table) -> Codes:
    """Lay out a table: an entry for every 16 bits (annex C)."""
    lengths, symbols = table
    space = sum(count << (16 - length) for length, count in enumerate(lengths, 1))
    if sum(lengths) > _MOST_SYMBOLS or space > 1 << 16:
        raise _Unknown
    codes: Codes = []
    symbol = iter(symbols)
    for length, count in enumerate(lengths, 1):
        for _ in range(count):
            codes += [(length, next(symbol, 0))] * (1 << (16 - length))
    return codes + [(0, 0)] * ((1 << 16) - len(codes))


def _read_scan(image: _Image, segment: bytes) -> None:
    """The blocks of one unit of the image, with the tables that each of them needs."""
    count, factors = segment[0], [factor for pair in image.sampling.values() for factor in pair]
    if not 0 < count == len(image.sampling) <= _MOST_COMPONENTS or any(factor not in _SAMPLING for factor in factors):
        raise _Unknown
    if not 0 < image.height * image.width <= MOST_PIXELS:
        raise _Unknown
    across, down = max(factors[0::2]), max(factors[1::2])
    for place in range(1, 1 + 2 * count, 2):
        horizontal, vertical = image.sampling[segment[place]]
        names = segment[place + 1] >> 4, 16 + (segment[place + 1] & 15)
        tables = _codes(image.tables[names[0]]), _codes(image.tables[names[1]])
        image.blocks += [tables] * (horizontal * vertical if count > 1 else 1)
    if len(image.blocks) > _MOST_BLOCKS:
        raise _Unknown
    if count == 1:
        across = down = 1
    image.units = -(-image.width // (8 * across)) * -(-image.height // (8 * down))


def _stretches(data: bytes, start: int) -> list[bytes]:
    """Huffman codes between restart markers, up to the end marker or the end of the file, without stuffed zeros."""
    stretches, place, begin = [], start, start
    while True:
        place = data.find(b"\xff", place)
        following = data[place + 1 : place + 2]
        if place < 0 or not following or following[0] == _END:
            stretches.append(data[begin : place if place >= 0 else len(data)])
            return [stretch.replace(b"\xff\x00", b"\xff") for stretch in stretches]
        if following[0] in _RESTARTS:
            stretches.append(data[begin:place])
            begin = place + 2
        elif following[0] != 0:
            raise _Unknown
        place += 2


def _count(image: _Image, stretches: list[bytes]) -> int | None:
    """Read all units of the image; None where a code is wrong, or where it is not certain that they were all."""
    units = image.units
    for number, stretch in enumerate(stretches):
        last = number == len(stretches) - 1
        wanted = units if last else min(units, image.restart or units)
        bits = _Bits(stretch)
        if not all(_read_block(bits, *tables) for _ in range(wanted) for tables in image.blocks):
            return None
        units -= wanted
        if not bits.on_padding() or (bits.rest() and not last):
            return None
    return None if units or _is_more(bits.rest(), image) else len(bits.rest())


def _read_block(bits: _Bits, dc: Codes, ac: Codes) -> bool:
    """Pass over one block of 64 coefficients; False where it is not one."""
    length, size = dc[bits.peek()]
    if length == 0:
        return False
    bits.at += length + size
    done = 1
    while done < _COEFFICIENTS:
        length, symbol = ac[bits.peek()]
        if length == 0:
            return False
        run, size = divmod(symbol, 16)
        bits.at += length + size
        if symbol == 0:  # the rest of the block is zero
            break
        done += run + 1
    return done <= _COEFFICIENTS and not bits.is_over()


def _is_more(rest: bytes, image: _Image) -> bool:
    """Whether bytes could be more blocks of the image, from any place in a unit, up to the padding at their end."""
    return any(_reads_as_blocks(rest, image, first) for first in range(len(image.blocks))) if rest else False


def _reads_as_blocks(rest: bytes, image: _Image, first: int) -> bool:
    bits = _Bits(rest)
    for number in range(first, first + MOST_STRAY_BLOCKS):
        if not _read_block(bits, *image.blocks[number % len(image.blocks)]):
            return False
        if 8 * len(rest) - bits.at < 8 and bits.on_padding():
            return True
    return True
