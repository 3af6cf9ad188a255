"""JPEGs with an odd header: taken where no pixel is uncertain; what is damaged stays damaged behind such a header."""

import io
import random
from collections.abc import Callable

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from gzcore.images import UnreadableImage, decode, decode_noted, read_header
from gzcore.images.jpeg_header import tidied


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    pixels = np.random.default_rng(3).normal(90, 30, (12, 12, 3)).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((96, 96)).convert(mode).save(file, "JPEG", quality=85, **options)  # type: ignore[arg-type]
    return file.getvalue()


def before(marker: int, extra: bytes) -> Callable[[bytes], bytes]:
    """Put bytes before the first segment of a kind."""

    def put(data: bytes) -> bytes:
        place = data.index(bytes((0xFF, marker)))
        return data[:place] + extra + data[place:]

    return put


def other_scan(data: bytes) -> bytes:
    place = data.index(b"\xff\xda")
    end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return data[: end - 3] + b"\x00\x3f\x01" + data[end:]


ODD: dict[str, Callable[[bytes], bytes]] = {
    "JFIF 2.01": lambda data: data.replace(b"JFIF\0\x01", b"JFIF\0\x02", 1),
    "JFIF 0": lambda data: data.replace(b"JFIF\0\x01", b"JFIF\0\x00", 1),
    "zeros before the tables": before(0xDB, b"\0\0\0"),
    "a text before the frame": before(0xC0, b"made by a camera"),
    "a zero before the scan": before(0xDA, b"\0"),
    "no marker before the scan": before(0xDA, b"\xff\x00"),
    "numbers of a progressive scan": other_scan,
}
KINDS = {
    "colour": jpeg(),
    "4:4:4": jpeg(subsampling=0),
    "grey": jpeg("L"),
    "restart markers": jpeg(restart_marker_blocks=3),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_header_costs_no_pixel_and_is_told(kind: str, odd: Callable[[bytes], bytes]) -> None:
    data = KINDS[kind]
    with pytest.raises(ValueError, match=r"JFIF|extraneous|Invalid SOS"):  # the decoder does warn
        simplejpeg.decode_jpeg(odd(data), strict=True)
    decoded = decode_noted(odd(data))
    np.testing.assert_array_equal(decoded.pixels, decode(data))
    assert (decoded.oddity, decoded.note) == ("odd_header", "an odd header; every pixel is there")
    assert read_header(odd(data)) == read_header(data)


def cut(data: bytes) -> bytes:
    return data[: len(data) * 3 // 4]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut short": cut,
    "cut short, with an end marker": lambda data: cut(data) + b"\xff\xd9",
    "filled with zeros": lambda data: cut(data) + bytes(len(data) // 4) + b"\xff\xd9",
    "no pixels": lambda data: data[: data.index(b"\xff\xda") + 14],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_damage_behind_an_odd_header_is_an_error(
    odd: Callable[[bytes], bytes], damage: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(UnreadableImage):
        decode(damage(odd(jpeg())))


def test_both_oddities_are_told() -> None:
    data = jpeg()
    end = data.rfind(b"\xff\xd9")
    decoded = decode_noted(ODD["JFIF 2.01"](data[:end] + b"\x7f" * 8 + data[end:]))
    np.testing.assert_array_equal(decoded.pixels, decode(data))
    assert decoded.oddity == "stray_bytes"
    assert decoded.note == "an odd header, and 8 stray bytes before the end marker; every pixel is there"


def with_sampling(data: bytes, *factors: int) -> bytes:
    """A JPEG that claims other sampling factors of its three colours."""
    place = data.index(b"\xff\xc0") + 10
    return (
        data[: place + 1]
        + b"".join(
            bytes((factor,)) + data[place + 2 + 3 * index : place + 4 + 3 * index]
            for index, factor in enumerate(factors)
        )
        + data[place + 9 :]
    )


def test_a_rare_kind_that_is_damaged_is_an_error() -> None:
    """The strict decoder does not know every sampling; another one would fill what is absent with grey."""
    data = with_sampling(jpeg(subsampling=0), 0x11, 0x12, 0x11)
    with pytest.raises(ValueError, match="subsampling"):
        simplejpeg.decode_jpeg_header(data)
    with pytest.raises(UnreadableImage, match=r"(?i)save it as a PNG"):
        decode(data)


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff", jpeg()[:30], bytes(50)])
def test_what_has_no_whole_header_is_left_alone(data: bytes) -> None:
    assert tidied(data) is None


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_a_plain_header_is_left_alone(data: bytes) -> None:
    assert tidied(data) is None


@pytest.mark.slow
def test_any_bytes_are_taken_or_refused_and_a_tidy_header_stays_as_it_is() -> None:
    chance, data = random.Random(4), jpeg()
    for _ in range(500):
        damaged = bytearray(data)
        for _ in range(chance.randrange(1, 5)):
            damaged[chance.randrange(2, 700)] = chance.randrange(256)
        tidy = tidied(bytes(damaged))
        assert tidy is None or tidied(tidy) is None
        try:
            decode(bytes(damaged))
        except UnreadableImage:
            continue
