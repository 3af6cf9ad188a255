"""The floor: decode, 13 views, encode, Example, CRC and write, with the best known pieces in a plain loop.

No recipe, no checks, no labels, no order, no manifest: what a machine can do, to hold our own run against. The share of
each operation is that of the default recipe (3 of 7, drawn from a seeded generator); all geometry is one warp.
"""

import random
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import google_crc32c
import numpy as np
import simplejpeg

CROP, VIEWS = 224, 12
OPS = ("none", "flip", "rotate", "zoom", "blur", "noise", "translate")
_TABLE = np.random.default_rng(0).standard_normal(1 << 21, dtype=np.float32)


def run_floor(images: Sequence[Path], out: Path) -> float:
    """Prepare images into one file; seconds."""
    cv2.setNumThreads(1)
    rng = random.Random(0)
    began = time.perf_counter()
    with out.open("wb", buffering=1 << 20) as file:
        for path in images:
            _galaxy(path, rng, file)
    return time.perf_counter() - began


def _galaxy(path: Path, rng: random.Random, file: object) -> None:
    frame = simplejpeg.decode_jpeg(path.read_bytes(), "RGBA")
    start = (frame.shape[0] - CROP) // 2
    middle = cv2.cvtColor(frame[start : start + CROP, start : start + CROP], cv2.COLOR_RGBA2RGB)
    shared = path.name.encode() + bytes(400)
    for view in range(VIEWS + 1):
        image = middle if view == 0 else _view(frame, middle, rng)
        _write(file, shared + simplejpeg.encode_jpeg(image, 90, "RGB", "420"))


def _view(frame: np.ndarray, middle: np.ndarray, rng: random.Random) -> np.ndarray:
    ops = set(rng.sample(OPS, 3))
    image = middle
    if ops & {"rotate", "zoom", "translate"}:
        angle = rng.uniform(-180, 180) if "rotate" in ops else 0.0
        matrix = cv2.getRotationMatrix2D((211.5, 211.5), angle, rng.uniform(0.9, 1.1) if "zoom" in ops else 1.0)
        matrix[:, 2] += np.array((rng.uniform(-8, 8), rng.uniform(-8, 8))) * ("translate" in ops) - 100
        warped = cv2.warpAffine(frame, matrix, (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        image = cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB)
    if "flip" in ops:
        image = cv2.flip(image, 1)
    if "blur" in ops:
        size = rng.choice((3, 5, 7))
        image = cv2.GaussianBlur(image, (size, size), 0)
    if "noise" in ops:
        image = cv2.medianBlur(image, 3) if rng.random() < 0.5 else _noise(image, rng)
    return image


def _noise(image: np.ndarray, rng: random.Random) -> np.ndarray:
    start = rng.randrange(_TABLE.size - image.size)
    stretch = _TABLE[start : start + image.size].reshape(image.shape)
    return cv2.addWeighted(image, 1.0, stretch, rng.uniform(1, 8), 0.0, dtype=cv2.CV_8U)


def _write(file: object, data: bytes) -> None:
    length = struct.pack("<Q", len(data))
    file.write(length + _crc(length) + data + _crc(data))  # type: ignore[attr-defined]


def _crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


if __name__ == "__main__":
    paths = [Path(line.strip()) for line in sys.stdin]
    seconds = run_floor(paths, Path(sys.argv[1]))
    sys.stdout.write(f"{1000 * seconds / len(paths):.2f} ms a galaxy\n")
