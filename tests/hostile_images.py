"""Harmful or broken files in a folder of images, and what each command says of them.

As a program (``python -m tests.hostile_images FOLDER``) it opens all of them in every way, under a limit of memory.
"""

import io
import json
import os
import resource
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

FRAME = 424
_ROOM = 400 << 20
"""Bytes of address space that looking at them may take; pixels of the bombs would take 4.8 GB and more."""


def _noise(height: int = FRAME, width: int = FRAME, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(1).integers(20, 60, (height, width, channels), np.uint8)


def _saved(kind: str, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.fromarray(_noise()).convert(mode).save(file, kind)
    return file.getvalue()


def _deep_png() -> bytes:
    return bytes(cv2.imencode(".png", _noise().astype(np.uint16) * 257)[1].tobytes())


def _png_bomb(side: int) -> bytes:
    """A valid PNG of zeros: so many pixels in a thousandth of their bytes."""
    packer, part = zlib.compressobj(1, wbits=-15), 100  # rows that are packed once, and repeated
    assert side % part == 0
    packed = packer.compress(bytes(part * (1 + 3 * side))) + packer.flush(zlib.Z_FULL_FLUSH)
    adler = (side * (1 + 3 * side) % 65521) << 16 | 1  # Adler-32 of so many zeros, RFC 1950
    rows = b"\x78\x01" + packed * (side // part) + b"\x03\x00" + struct.pack(">I", adler)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _jpeg_that_claims(height: int, width: int) -> bytes:
    data = _saved("JPEG")
    start = data.index(b"\xff\xc0") + 5
    return data[:start] + struct.pack(">HH", height, width) + data[start + 4 :]


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(3_000_000_000)


@dataclass(frozen=True)
class Hostile:
    """A file, and what is said of it.

    Attributes:
        make: writes it; or its bytes.
        run: reason and words of ``gzprep run``, which ``gzprep inspect`` gives as well.
        predict: words of ``gztrain predict``; None: the same as those of ``gzprep run``.
    """

    make: bytes | Callable[[Path], object]
    run: tuple[str, str]
    predict: str | None = None


_NO_FILE = ("unreadable", "it is no regular file")
HOSTILE = {
    "too large a file": Hostile(
        lambda path: path.write_bytes(bytes(64_000_001)),
        ("unreadable", "the file has 64000001 bytes; an image has 64000000 at most"),
    ),
    "sparse file": Hostile(_sparse, ("unreadable", "the file has 3000000000 bytes; an image has 64000000 at most")),
    "pipe": Hostile(os.mkfifo, _NO_FILE),
    "folder": Hostile(Path.mkdir, _NO_FILE),
    "device": Hostile(lambda path: path.symlink_to("/dev/zero"), _NO_FILE),
    "link in a circle": Hostile(lambda path: path.symlink_to(path.name), ("unreadable", "the file cannot be read: ")),
    "PNG bomb": Hostile(
        _png_bomb(5000), ("wrong_shape", "5000 x 5000 px"), "5000 x 5000 px, more than 16000000 in all"
    ),
    "larger PNG bomb": Hostile(
        _png_bomb(12_000), ("wrong_shape", "12000 x 12000 px"), "12000 x 12000 px, more than 16000000 in all"
    ),
    "JPEG that claims 12.9 GB": Hostile(
        _jpeg_that_claims(65_500, 65_500),
        ("wrong_shape", "65500 x 65500 px"),
        "65500 x 65500 px, more than 16000000 in all",
    ),
    "JPEG that claims a wide strip": Hostile(
        _jpeg_that_claims(300, 60_000),
        ("wrong_shape", "60000 x 300 px"),
        "60000 x 300 px, more than 16000000 in all",
    ),
    "16 bits": Hostile(_deep_png(), ("wrong_mode", "RGB of 16 bits")),
    "grey JPEG": Hostile(_saved("JPEG", "L"), ("wrong_mode", "Gray")),
    "RGBA": Hostile(_saved("PNG", "RGBA"), ("wrong_mode", "RGBA")),
    "CMYK JPEG": Hostile(_saved("JPEG", "CMYK"), ("wrong_mode", "CMYK")),
    "truncated JPEG": Hostile(_saved("JPEG")[:-500], ("unreadable", "the image cannot be decoded: ")),
    "truncated PNG": Hostile(_saved("PNG")[:-5000], ("unreadable", "the image cannot be decoded: ")),
    "empty": Hostile(b"", ("unreadable", "the file is empty")),
    "web page": Hostile(b"<html>404</html>", ("unreadable", "the file is a web page, not an image")),
    "GIF": Hostile(_saved("GIF"), ("unreadable", "the file is not an image (JPEG or PNG)")),
}
SOUND = "zz sound"
"""A good image, the last in the order of names: it is reached."""


def write_all(folder: Path) -> None:
    """Write every file of the table, and a sound image behind them."""
    folder.mkdir(parents=True)
    for name, hostile in HOSTILE.items():
        path = folder / f"{name}.jpg"
        if isinstance(hostile.make, bytes):
            path.write_bytes(hostile.make)
        else:
            hostile.make(path)
    (folder / f"{SOUND}.jpg").write_bytes(_saved("JPEG"))


Said = tuple[str, str]


def look(folder: Path) -> dict[str, dict[str, Said]]:
    """Open every file as each command does: name to command to (reason, words)."""
    from gzprep.catalogue.galaxy import Galaxy, Split
    from gzprep.config import Recipe
    from gzprep.images.sources import Files, read_image
    from gzprep.prepare.galaxy import judge_galaxy
    from gzprep.tools.defect_scan import inspect_image
    from gztrain.predict.crops import Cut, read_crop
    from tests.golden.regenerate_records import draw_votes

    def run(path: Path) -> Said:
        galaxy = Galaxy("1", Split.TRAIN, "", path.name, draw_votes(1))
        rejection = judge_galaxy(galaxy, read_image(galaxy, Files(folder)), Recipe()).verdict.rejection
        return ("", "") if rejection is None else (rejection.reason.value, rejection.detail)

    def inspect(path: Path) -> Said:
        inspection = inspect_image(path, Recipe())
        return ("" if inspection.verdict == "ok" else inspection.defects[0]), inspection.detail

    def predict(path: Path) -> Said:
        reason = read_crop(path, Cut(224)).reason
        return ("", "") if reason is None else ("unusable", reason)

    commands = {"run": run, "inspect": inspect, "predict": predict}
    sound = folder / f"{SOUND}.jpg"
    for command in commands.values():
        command(sound)  # what they import and keep is no part of what an image takes
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, used + _ROOM))
    names = [*HOSTILE, SOUND]
    return {name: {key: command(folder / f"{name}.jpg") for key, command in commands.items()} for name in names}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look(Path(sys.argv[1]))))
