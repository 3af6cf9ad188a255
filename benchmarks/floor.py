"""The floor: decode, 13 views, encode, Example, CRC and write, with the best known pieces in a plain loop.

No recipe, no checks, no labels to derive, no order, no resuming, no manifest: what a core can do, to hold our own run
against. How often each operation comes, and its range, are those of the default recipe (3 of 7, from one generator);
records are real Examples, as long as ours. Each piece was the fastest that gives the recipe's pixels to within a
rounding, once shifts, zooms and sigmas are drawn from whole pixels and half grey levels (OpenCV 5.0.0, us of one image
on a Zen 3 core):

    decode     simplejpeg RGBA into one buffer 465; into a new array 480, cv2.imdecode RGB 550
    rotate     one warpAffine of the RGBA frame into the crop, flip included 300; RGB 480
    zoom       resize of a slice 93; warpAffine 146
    translate  slice 15; filter2D 2x2 82; warpAffine 141
    blur       GaussianBlur 3: 39, 5: 76, sepFilter2D 7: 116; sepFilter2D 3: 61, 5: 78, GaussianBlur 7: 208
    noise      saturating add and subtract of stretches of uint8 tables 15; addWeighted of float32 54
    denoise    medianBlur 3: 49
    encode     simplejpeg q90 4:2:0 155; cv2.imencode 169

With `same-pixels`, what was drawn is kept to the sub-pixel and to the last digit of sigma: zoom by warpAffine, shift by
filter2D, noise by addWeighted. That is the floor of this very recipe; the other one is the floor of one like it.

`python benchmarks/floor.py IMAGES OUT [COUNT] [same-pixels]`: IMAGES is a text file with a path a line.
"""

import os
import random
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import cv2
import google_crc32c
import numpy as np
import numpy.typing as npt
import simplejpeg

Pixels = npt.NDArray[np.uint8]
FRAME, CROP, VIEWS, QUALITY = 424, 224, 12, 90
OPS = ("none", "flip", "rotate", "zoom", "blur", "noise", "translate")
_OFFSET = (FRAME - CROP) // 2
_CENTRE = (FRAME - 1) / 2
_SIGMAS = tuple(half / 2 for half in range(2, 17))
_STRETCH = CROP * CROP * 3
_TABLE = 1 << 18
_GAUSSIAN_7 = cv2.getGaussianKernel(7, 0).astype(np.float32)
_FOOTER = struct.Struct("<I")
_OPS_JSON = (
    b'[{"op":"rotate","degrees":-117.90318447112},{"op":"noise","sigma":3.1415926535,"lot":1234567},{"op":"none"}]'
)
"""As long as that of a typical view."""


class Noise:
    """What noise of each sigma adds to a grey level, and what it takes away."""

    def __init__(self) -> None:
        normal = np.random.default_rng(0).standard_normal(_TABLE, dtype=np.float32)
        tables = {sigma: np.rint(sigma * normal) for sigma in _SIGMAS}
        self.more = {sigma: np.maximum(table, 0).astype(np.uint8) for sigma, table in tables.items()}
        self.less = {sigma: np.maximum(-table, 0).astype(np.uint8) for sigma, table in tables.items()}

    def add(self, image: Pixels, rng: random.Random) -> Pixels:
        """Add noise of a drawn sigma, held to 0..255."""
        sigma, start = rng.choice(_SIGMAS), int(rng.random() * (_TABLE - _STRETCH))
        more, less = (table[sigma][start : start + _STRETCH].reshape(image.shape) for table in (self.more, self.less))
        return cv2.subtract(cv2.add(image, more), less)  # type: ignore[return-value]


class ExactNoise:
    """Noise of any sigma, from a table of normal numbers."""

    def __init__(self) -> None:
        self.table = np.random.default_rng(0).standard_normal(1 << 21, dtype=np.float32)

    def add(self, image: Pixels, rng: random.Random) -> Pixels:
        """Add noise of a drawn sigma, held to 0..255."""
        start = int(rng.random() * (self.table.size - _STRETCH))
        stretch = self.table[start : start + _STRETCH].reshape(image.shape)
        return cv2.addWeighted(image, 1.0, stretch, rng.uniform(1, 8), 0.0, dtype=cv2.CV_8U)  # type: ignore[return-value]


class Floor:
    """What a plain loop keeps from galaxy to galaxy.

    Args:
        file: where records go.
        exact: keep sub-pixels and sigmas as they were drawn.
    """

    def __init__(self, file: IO[bytes], *, exact: bool = False) -> None:
        self.file = file
        self.exact = exact
        self.rng = random.Random(0)
        self.noise = ExactNoise() if exact else Noise()
        self.labels = _label_entries()
        self.frame = np.empty((FRAME, FRAME, 4), np.uint8)

    def galaxy(self, path: Path) -> None:
        """Read, decode, and write 13 records."""
        self.decode(read(path))
        colours = cv2.cvtColor(self.frame, cv2.COLOR_RGBA2RGB)
        for index in range(VIEWS + 1):
            ops = self.rng.sample(OPS, 3) if index else ()
            image = self.view(colours, ops)
            self.record(encode(image), index)

    def decode(self, data: bytes) -> None:
        """Decode into self.frame."""
        simplejpeg.decode_jpeg(data, "RGBA", buffer=self.frame)

    def view(self, colours: Pixels, ops: Sequence[str]) -> Pixels:
        """Make one view of self.frame, whose three colours are `colours`."""
        rng = self.rng
        warped = "rotate" in ops or (self.exact and "zoom" in ops)
        image = self.warped(ops) if warped else self.moved(colours, ops)
        if "blur" in ops:
            image = blur(image, rng.choice((3, 5, 7)))
        if "noise" in ops:
            image = denoise(image) if rng.random() < 0.5 else self.noise.add(image, rng)
        return image

    def warped(self, ops: Sequence[str]) -> Pixels:
        """Rotation, with what else of the geometry there is, in one warp."""
        rng = self.rng
        angle = rng.uniform(-180, 180) if "rotate" in ops else 0.0
        zoom = rng.uniform(0.9, 1.1) if "zoom" in ops else 1.0
        matrix = cv2.getRotationMatrix2D((_CENTRE, _CENTRE), angle, zoom)
        matrix[:, 2] -= _OFFSET
        if "translate" in ops:
            matrix[:, 2] += rng.uniform(-8, 8), rng.uniform(-8, 8)
        if "flip" in ops:
            matrix[0] *= -1
            matrix[0, 2] += CROP - 1
        warped = cv2.warpAffine(
            self.frame, matrix, (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        return cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB)  # type: ignore[return-value]

    def moved(self, colours: Pixels, ops: Sequence[str]) -> Pixels:
        """Zoom, shift and flip without a rotation, to the nearest whole pixel."""
        rng = self.rng
        if self.exact and "translate" in ops:
            return self.shifted(colours, ops)
        size = round(CROP / rng.uniform(0.9, 1.1)) if "zoom" in ops else CROP
        x, y = (round(rng.uniform(-8, 8)) if "translate" in ops else 0 for _ in range(2))
        top, left = (FRAME - size) // 2 + y, (FRAME - size) // 2 + x
        part = colours[top : top + size, left : left + size]
        if size != CROP:
            part = cv2.resize(part, (CROP, CROP), interpolation=cv2.INTER_LINEAR)
        if "flip" in ops:
            return cv2.flip(part, int(rng.random() < 0.5))  # type: ignore[return-value]
        return np.ascontiguousarray(part)

    def shifted(self, colours: Pixels, ops: Sequence[str]) -> Pixels:
        """Shift by a part of a pixel, and flip: bilinear interpolation with the same weights everywhere."""
        rng = self.rng
        x, y = _OFFSET + rng.uniform(-8, 8), _OFFSET + rng.uniform(-8, 8)
        left, top = int(x), int(y)
        weights = np.outer((top + 1 - y, y - top), (left + 1 - x, x - left))
        part = cv2.filter2D(colours[top : top + CROP, left : left + CROP], -1, weights, anchor=(0, 0))
        return cv2.flip(part, int(rng.random() < 0.5)) if "flip" in ops else part  # type: ignore[return-value]

    def record(self, jpeg: bytes, index: int) -> None:
        """Frame and write the Example of one view."""
        body = (
            self.labels + _entry(b"image", 1, jpeg) + _entry(b"ops", 1, _OPS_JSON) + _entry(b"view", 3, bytes((index,)))
        )
        example = _field(1, body)
        length = struct.pack("<Q", len(example))
        self.file.write(length + _crc(length) + example + _crc(example))


def read(path: Path) -> bytes:
    """Read a file, with fewer calls than a file object makes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def encode(image: Pixels) -> bytes:
    """Encode a view."""
    return simplejpeg.encode_jpeg(image, QUALITY, "RGB", "420")  # type: ignore[no-any-return]


def denoise(image: Pixels) -> Pixels:
    """The median of 3x3 pixels."""
    return cv2.medianBlur(image, 3)  # type: ignore[return-value]


def blur(image: Pixels, size: int) -> Pixels:
    """Gaussian blur."""
    if size == 7:
        return cv2.sepFilter2D(image, -1, _GAUSSIAN_7, _GAUSSIAN_7)  # type: ignore[return-value]
    return cv2.GaussianBlur(image, (size, size), 0)  # type: ignore[return-value]


def _varint(number: int) -> bytes:
    if number < 1 << 7:
        return bytes((number,))
    if number < 1 << 14:
        return bytes((number & 127 | 128, number >> 7))
    return bytes((number & 127 | 128, number >> 7 & 127 | 128, number >> 14))  # an image of 2 MB at most


def _field(number: int, payload: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(payload)) + payload


def _entry(name: bytes, kind: int, value: bytes) -> bytes:
    """Map entry of a feature: kind 1 is bytes, 2 floats, 3 int64 (tensorflow/core/example/feature.proto)."""
    return _field(1, _field(1, name) + _field(2, _field(kind, _field(1, value))))


def _label_entries() -> bytes:
    """Features, as many and as long as those that all views of a galaxy share."""
    numbers = {b"fraction": 32, b"votes": 11}
    labels = (b"label_report", b"label_asked", b"mask")
    return b"".join(
        (
            _entry(b"id", 1, b"587726760298517848"),
            _entry(b"fold", 3, b"\1"),
            *(_entry(name, 2, np.zeros(count, np.float32).tobytes()) for name, count in numbers.items()),
            *(_entry(name, 3, bytes(22)) for name in labels),
        )
    )


def _crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return _FOOTER.pack(((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def run_floor(images: Sequence[Path], out: Path, *, exact: bool = False) -> float:
    """Prepare images into one file; seconds a galaxy."""
    cv2.setNumThreads(1)
    with out.open("wb", buffering=1 << 20) as file:
        floor = Floor(file, exact=exact)
        began = time.perf_counter()
        for path in images:
            floor.galaxy(path)
        return (time.perf_counter() - began) / len(images)


def main() -> None:
    """Read the list, prepare, say how long it took."""
    images, out, *words = sys.argv[1:]
    paths = [Path(line) for line in Path(images).read_text().splitlines()]
    exact = "same-pixels" in words
    count = next((int(word) for word in words if word.isdigit()), len(paths))
    seconds = run_floor(paths[:count], Path(out), exact=exact)
    sys.stdout.write(f"{1000 * seconds:.2f} ms a galaxy\n")


if __name__ == "__main__":
    main()
