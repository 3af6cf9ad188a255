"""JPEGs that end oddly: stray bytes behind the last pixel are no damage; anything that may be is."""

import io
import random

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from gzcore.images import UnreadableImage, decode, decode_noted
from gzcore.images.jpeg_end import stray_bytes


def picture(side: int = 96) -> np.ndarray:
    """A smooth image with some noise."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:side, :side]
    glow = 200 * np.exp(-((x - side / 2) ** 2 + (y - side / 3) ** 2) / (side * 6))
    return (glow[..., None] * (1, 0.8, 0.6) + rng.normal(12, 4, (side, side, 3))).clip(0, 255).astype(np.uint8)


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture()).convert(mode).save(file, "JPEG", **{"quality": 90, **options})  # type: ignore[arg-type]
    return file.getvalue()


def end_of(data: bytes) -> int:
    return data.rfind(b"\xff\xd9")


KINDS = {
    "4:2:0": jpeg(),
    "4:4:4": jpeg(subsampling=0),
    "4:2:2": jpeg(subsampling=1),
    "restart markers": jpeg(restart_marker_blocks=5),
    "optimised tables": jpeg(optimize=True),
    "low quality": jpeg(quality=15),
    "grey": jpeg("L"),
}
STRAY = {
    "eight of one kind": b"\x7f" * 8,
    "many": bytes(range(1, 241)),
    "a text": b"made by a camera",
}


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_a_sound_image_has_none(data: bytes) -> None:
    assert stray_bytes(data) == 0
    assert decode_noted(data).note == ""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stray", STRAY.values(), ids=STRAY)
def test_stray_bytes_are_counted_and_cost_no_pixel(kind: str, stray: bytes) -> None:
    data = KINDS[kind]
    odd = data[: end_of(data)] + stray + data[end_of(data) :]
    assert stray_bytes(odd) == len(stray)
    decoded = decode_noted(odd)
    np.testing.assert_array_equal(decoded.pixels, decode(data))
    assert decoded.note == f"{len(stray)} stray bytes before the end marker; every pixel is there"


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_without_its_end_marker_was_cut_off(kind: str) -> None:
    data = KINDS[kind]
    with pytest.raises(UnreadableImage):
        decode(data[: end_of(data)])


@pytest.mark.parametrize("missing", [1, 2, 10, 100, 1000])
@pytest.mark.parametrize("kind", KINDS)
def test_an_image_that_was_cut_off_is_damaged(kind: str, missing: int) -> None:
    data = KINDS[kind]
    for end in (b"", b"\xff\xd9"):
        with pytest.raises(UnreadableImage):
            decode(data[: end_of(data) - missing] + end)


@pytest.mark.slow
def test_a_damaged_byte_is_never_taken_for_stray_ones() -> None:
    """Every damaged image that the decoder warns about stays refused; some damage it does not see (docs/defects.md)."""
    chance, data = random.Random(0), KINDS["4:2:0"]
    start, warned = data.index(b"\xff\xda") + 14, 0
    for _ in range(3000):
        place = chance.randrange(start, end_of(data))
        damaged = bytearray(data)
        damaged[place] ^= chance.randrange(1, 256)
        try:
            simplejpeg.decode_jpeg(bytes(damaged), strict=True)
        except ValueError:
            warned += 1
            with pytest.raises(UnreadableImage):
                decode(bytes(damaged))
    assert warned > 500


def test_few_bytes_that_could_be_a_block_are_uncertain() -> None:
    """0001 0001 can be a block and its padding: whether the decoder lost its place cannot be told."""
    data = KINDS["4:2:0"]
    assert stray_bytes(data[: end_of(data)] + b"\x11" + data[end_of(data) :]) is None


def changed(data: bytes, marker: bytes, place: int, value: bytes) -> bytes:
    """A JPEG with other bytes, so far behind its first marker of a kind."""
    start = data.index(marker) + place
    return data[:start] + value + data[start + len(value) :]


SOUND = KINDS["4:2:0"]
TABLE = b"\xff\xc4\x00\x13\x00" + b"\xff" * 16
"""255 codes of each length, of which no table has room for one and none has a symbol."""
FRAME = b"\xff\xc0"


def scans(count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated: twelve bytes, and all coefficients are gone through again."""
    data = jpeg(progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last : end_of(data)] * count + data[end_of(data) :]


SLOW = {
    "impossible tables, by the thousand": (SOUND[:2] + TABLE * 20_000 + SOUND[2:], "cannot be decoded"),
    "a progressive image, its last scan by the thousand": (scans(20_000), "20009 scans, at most 500"),
    "a megabyte that could be blocks": (SOUND[: end_of(SOUND)] + bytes(1 << 20) + b"\xff\xd9", "extraneous bytes"),
}


@pytest.mark.parametrize(("data", "reason"), SLOW.values(), ids=SLOW)
def test_a_file_that_would_take_minutes_has_an_answer_at_once(data: bytes, reason: str) -> None:
    """Each took from seconds to an hour, by its size. If it is so again, the tests do not come to an end."""
    with pytest.raises(UnreadableImage, match=reason):
        decode(data)


UNCERTAIN = {
    "several scans": jpeg(progressive=True),
    "not a JPEG": b"\x89PNG" + bytes(99),
    "nothing": b"",
    "two bytes": b"\xff\xd8",
    "a header alone": jpeg()[:200],
    "an impossible table that the scan names": SOUND[:2] + SOUND[2:].replace(b"\xff\xda", TABLE + b"\xff\xda", 1),
    "no sampling": changed(changed(SOUND, FRAME, 11, b"\0"), FRAME, 14, b"\0"),
    "sampling of no encoder": changed(SOUND, FRAME, 11, b"\xff"),
    "no component": changed(SOUND, b"\xff\xda", 4, b"\0"),
    "a pixel behind 2^13 blocks": SOUND[: end_of(SOUND)] + bytes(1 << 18) + b"\xff\xd9",
}


@pytest.mark.parametrize("data", UNCERTAIN.values(), ids=UNCERTAIN)
def test_nothing_is_certain_of(data: bytes) -> None:
    assert stray_bytes(data) is None


@pytest.mark.slow
def test_any_bytes_end_in_an_answer() -> None:
    chance, data = random.Random(1), KINDS["restart markers"]
    for _ in range(400):
        damaged = bytearray(data)
        for _ in range(chance.randrange(1, 6)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        answer = stray_bytes(bytes(damaged))
        assert answer is None or answer >= 0
