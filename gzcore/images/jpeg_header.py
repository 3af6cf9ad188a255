"""The header of a JPEG that a decoder warns about although it says nothing uncertain of the pixels.

Three oddities are known: stray bytes between two segments, an unknown number of the JFIF version, and numbers of a scan
that mean nothing in a baseline JPEG. Every decoder passes over them. Without them a strict decoder takes the file, and
still refuses what is damaged.
"""

_BASELINE = (0xC0, 0xC1)
_SCAN, _APP0 = 0xDA, 0xE0
_WHOLE_SCAN = b"\x00\x3f\x00"
"""First and last coefficient and the precision of a scan, as baseline JPEGs have them (ITU-T T.81, B.2.3)."""


def tidied(data: bytes) -> bytes | None:
    """A JPEG without the oddities of its header; None where it has none, or where its header cannot be read."""
    parts, place, baseline, marker = [data[:2]], 2, False, 0
    while marker != _SCAN:
        found = _next_segment(data, place)
        if found is None:
            return None
        start, place = found
        marker = data[start + 1]
        baseline |= marker in _BASELINE
        parts.append(_plain(data[start:place], baseline=baseline))
    tidy = b"".join([*parts, data[place:]])
    return tidy if tidy != data else None


def _next_segment(data: bytes, place: int) -> tuple[int, int] | None:
    """Start and end of the next segment; a zero after 0xFF is no marker, and more 0xFF may stand before one."""
    start = data.find(b"\xff", place)
    while 0 <= start < len(data) - 3:
        marker = data[start + 1]
        if marker not in {0x00, 0xFF}:
            end = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
            return (start, end) if start + 4 <= end <= len(data) else None
        start = data.find(b"\xff", start + 1)
    return None


def _plain(segment: bytes, *, baseline: bool) -> bytes:
    """A segment without what is odd in it."""
    marker, payload = segment[1], segment[4:]
    if marker == _APP0 and payload.startswith(b"JFIF\0") and payload[5:6] != b"\x01":
        return segment[:9] + b"\x01" + segment[10:]
    if marker == _SCAN and baseline:
        return segment[:-3] + _WHOLE_SCAN
    return segment
