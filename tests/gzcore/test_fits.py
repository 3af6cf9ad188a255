"""Headers of FITS that lead nowhere are refused: data of fewer than no bytes, and headers without end."""

import io

import numpy as np
import pytest

from gzcore.images import UnreadableImage
from gzcore.images.fits import open_fits

fits = pytest.importorskip("astropy.io.fits")

NOTHING = ("BITPIX  =                    8", "NAXIS   =                    0")


def header(*cards: str) -> bytes:
    """A header of a few cards, filled up to its 2880 bytes."""
    return "".join(card.ljust(80) for card in (*cards, "END")).ljust(2880).encode()


def extension(length: int, **counts: int) -> bytes:
    """The header of an extension with one axis."""
    cards = (f"{key:<8}= {value:20d}" for key, value in {"NAXIS": 1, "NAXIS1": length, **counts}.items())
    return header("XTENSION= 'IMAGE   '", NOTHING[0], *cards)


def image(height: int) -> bytes:
    """The header of an image that is 24 px wide."""
    sides = (f"{key:<8}= {value:20d}" for key, value in {"NAXIS": 2, "NAXIS1": 24, "NAXIS2": height}.items())
    return header("SIMPLE  =                    T", "BITPIX  =                  -32", *sides)


FIRST = header("SIMPLE  =                    T", *NOTHING)
EMPTY = extension(0, PCOUNT=0, GCOUNT=1)
NEGATIVE = {
    "an axis": image(-30) + bytes(2880),
    "PCOUNT": FIRST + extension(10, PCOUNT=-2890, GCOUNT=1),
    "GCOUNT": FIRST + extension(2880, PCOUNT=0, GCOUNT=-1),
}


@pytest.mark.parametrize("data", NEGATIVE.values(), ids=NEGATIVE)
def test_data_of_a_negative_size_are_refused(data: bytes) -> None:
    """Each would be read for ever: the next header is looked for where this one stands, or before it."""
    with pytest.raises(UnreadableImage, match="negative size"):
        open_fits(data)


def test_headers_are_counted() -> None:
    with pytest.raises(UnreadableImage, match="more than 1000 headers"):
        open_fits(FIRST + EMPTY * 1000)


def test_an_image_behind_many_headers_is_found() -> None:
    file = io.BytesIO()
    fits.PrimaryHDU(np.zeros((5, 7), np.uint8)).writeto(file)
    last = file.getvalue().replace(b"SIMPLE  =                    T", b"XTENSION= 'IMAGE   '          ", 1)
    found = open_fits(FIRST + EMPTY * 998 + last)
    assert (found.height, found.width) == (5, 7)
