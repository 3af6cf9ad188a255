"""FITS images: planes of numbers, opened with the guards of every other image. Needs astropy, in the extra ``fits``.

All images of a file that have the size of the first one are its planes: the planes of a cube, or one image after the
other. A plane has a number, from 0 on, and a name where the file has one for it: ``BANDS`` or ``BAND0``, ``BAND1``, ...
of a cube (as in cutouts of the Legacy Surveys), else ``EXTNAME``, ``FILTER`` or ``BAND`` of an image.
"""

import io
import math
import re
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gzcore.errors import GzError
from gzcore.images import MAX_FILE_BYTES, MAX_PIXELS, UnreadableImage, WrongMode, WrongShape, check_file_size

Numbers = npt.NDArray[Any]
_MAGIC, _GZIP = b"SIMPLE  =", b"\x1f\x8b"
_MOST_PLANES = 64
_MOST_CARDS = 10_000
"""Of a header whose WCS is read: half a second; a header of 64 MB would take half a minute."""
_MOST_UNITS = 1000
"""Headers of a file that are read: a third of a second."""
_NAME_KEYS = ("EXTNAME", "FILTER", "BAND")


def is_fits(data: bytes) -> bool:
    """Whether the bytes are those of a FITS file, perhaps one in gzip."""
    return data.startswith((_MAGIC, _GZIP))


@dataclass(frozen=True, eq=False)
class FitsImage:
    """A FITS file whose header has been judged.

    Attributes:
        height, width: of every plane, px.
        names: of the planes, upper case as the file has them; empty where a plane has none.
        kind: of the numbers, such as ``float32``.
        arcsec: of a pixel, by the WCS; None where there is none.
    """

    height: int
    width: int
    names: tuple[str, ...]
    kind: str
    arcsec: float | None
    _units: tuple[tuple[Any, int | None], ...]

    def planes(self, bands: tuple[str, ...]) -> Numbers:
        """Read planes.

        Args:
            bands: numbers or names; empty: all there are.

        Returns:
            Numbers of the file's type, [bands, H, W]. The first row is the upper one: FITS has it the other way round.

        Raises:
            WrongMode: there is no such plane, or several of one name.
            UnreadableImage: the file is damaged.
        """
        places = [self._place(band) for band in bands] if bands else range(len(self._units))
        try:
            return np.stack([self._plane(place) for place in places])[:, ::-1]
        except (TypeError, ValueError, OSError, LookupError, AttributeError, MemoryError, ArithmeticError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            raise UnreadableImage(f"the image cannot be decoded: {reason}") from error

    def _plane(self, place: int) -> Numbers:
        unit, number = self._units[place]
        data: Numbers = unit.data
        return data if number is None else data[number]

    def _place(self, band: str) -> int:
        places = [place for place, name in enumerate(self.names) if name == band] or [
            place for place, name in enumerate(self.names) if name.lower() == band.lower()
        ]
        if len(places) == 1:
            return places[0]
        if not places and band.isdecimal() and int(band) < len(self.names):
            return int(band)
        number = f"{len(places)} planes have that name" if places else "there is no such plane"
        raise WrongMode(f"FITS with the planes {self.told}; images.fits.bands names {band!r}, but {number}")

    @property
    def told(self) -> str:
        """The planes as a person reads them."""
        return ", ".join(f"{place} ({name})" if name else str(place) for place, name in enumerate(self.names))


def open_fits(data: bytes) -> FitsImage:
    """Read and judge the header of a FITS image; no pixel is read.

    Raises:
        UnreadableImage: it is no FITS file, holds no image, or is damaged.
        WrongShape: it declares more pixels than are decoded.
        GzError: astropy is not installed.
    """
    fits = _astropy_fits()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd headers, which do no harm
            units = [unit for unit in _units(fits.open(io.BytesIO(_plain(data)), memmap=False)) if _is_image(unit)]
            if not units:
                raise UnreadableImage("the FITS file holds no image of two or three axes")
            return _image_of(units)
    except (OSError, TypeError, ValueError, KeyError, IndexError, AttributeError, fits.VerifyError) as error:
        raise UnreadableImage(f"the file is not an image (FITS): {type(error).__name__}") from error


def _astropy_fits() -> Any:  # noqa: ANN401 -- astropy has no types
    try:
        from astropy.io import fits
    except ImportError:
        raise GzError("FITS images need astropy; install it with: pip install 'gzprep[fits]'.") from None
    return fits


def _plain(data: bytes) -> bytes:
    """The file without gzip, if that is not too large: a small one may claim to be huge."""
    if not data.startswith(_GZIP):
        return data
    try:
        plain = zlib.decompressobj(31).decompress(data, MAX_FILE_BYTES + 1)
    except zlib.error as error:
        raise UnreadableImage("the image cannot be decoded: its gzip is damaged") from error
    check_file_size(len(plain))
    return plain


def _units(file: Any) -> Iterator[Any]:  # noqa: ANN401 -- astropy has no types
    """Yield the parts of a file, as astropy reads them.

    A header may say that its data have fewer than no bytes. Then the next header would be looked for where this one
    stands, again and again.
    """
    for number, unit in enumerate(file):
        if number == _MOST_UNITS:
            raise UnreadableImage(f"the FITS file has more than {_MOST_UNITS} headers")
        if unit.fileinfo()["datSpan"] < 0:
            raise UnreadableImage("the FITS file declares data of a negative size")
        yield unit


def _is_image(unit: Any) -> bool:  # noqa: ANN401 -- astropy has no types
    return bool(unit.is_image) and unit.header.get("NAXIS", 0) in {2, 3}


def _image_of(units: list[Any]) -> FitsImage:
    header = units[0].header
    width, height = int(header["NAXIS1"]), int(header["NAXIS2"])
    same = [unit for unit in units if (unit.header["NAXIS1"], unit.header["NAXIS2"]) == (width, height)]
    planes = [plane for unit in same for plane in _planes_of(unit)]
    if min(height, width) < 1 or height * width * len(planes) > MAX_PIXELS:
        raise WrongShape(f"{width} x {height} px, {len(planes)} planes, more than {MAX_PIXELS} in all")
    names = tuple(name for name, _, _ in planes)
    return FitsImage(height, width, names, _kind(header), _arcsec(header), tuple((u, n) for _, u, n in planes))


def _planes_of(unit: Any) -> list[tuple[str, Any, int | None]]:  # noqa: ANN401 -- astropy has no types
    header = unit.header
    if header["NAXIS"] == 2:
        name = next((str(header[key]).strip() for key in _NAME_KEYS if header.get(key)), "")
        return [(name, unit, None)]
    count = min(int(header["NAXIS3"]), _MOST_PLANES)
    text = str(header.get("BANDS", ""))
    words = re.split(r"[,\s]+", text.strip()) if re.search(r"[,\s]", text.strip()) else list(text.strip())
    names = words if len(words) == count else [str(header.get(f"BAND{n}", "")).strip() for n in range(count)]
    return [(name, unit, number) for number, name in enumerate(names)]


_KINDS = {8: "uint8", 16: "int16", 32: "int32", 64: "int64", -32: "float32", -64: "float64"}


def _kind(header: Any) -> str:  # noqa: ANN401 -- astropy has no types
    scaled = header.get("BSCALE", 1) != 1 or header.get("BZERO", 0) != 0
    kind = _KINDS.get(int(header.get("BITPIX", 0)), "an unknown type")
    return f"scaled {kind}" if scaled else kind


def _arcsec(header: Any) -> float | None:  # noqa: ANN401 -- astropy has no types
    """Arcsec a pixel: the root of a pixel's area on the sky; None without a WCS, and where the header is endless."""
    if "CTYPE1" not in header or len(header) > _MOST_CARDS:
        return None
    from astropy.wcs import WCS
    from astropy.wcs.utils import proj_plane_pixel_area

    try:
        celestial = WCS(header, naxis=2).celestial
        side = 3600 * math.sqrt(float(proj_plane_pixel_area(celestial)))
    except Exception:
        return None
    return side if math.isfinite(side) and side > 0 else None
