"""The mean image of a catalogue, and the centred box that holds all its light (Fig 25)."""

import io
import zipfile
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from gzcore.images import Pixels
from gzcore.storage.atomic import appearing
from gzcore.storage.places import Place

SAMPLE = 2000
"""Images that are averaged, as many as in the source report (section 6.2.3)."""
LARGEST_FRAME = 1024
"""px; of larger images no mean is kept, for its sum would take much memory."""
_MOST_BYTES = 12 * LARGEST_FRAME**2 + 10_000
"""Of a file with the sum of the largest images: three channels of four bytes, and names."""
REPORT_THRESHOLD = 8.5
"""Per cent of full brightness, as the source report uses it (section 6.2.3)."""
THRESHOLDS = tuple(np.round(np.arange(1.0, 30.5, 0.5), 1).tolist())
Channel = Literal["grey", "maximum"]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeanImage:
    """A sum of images of one size; two of them can be merged.

    Attributes:
        images: how many.
        total: sum of their grey levels, uint64 [H, W, 3].
    """

    images: int
    total: npt.NDArray[np.uint64]

    def mean(self) -> Doubles:
        """Mean grey levels, float64 [H, W, 3], 0 to 255."""
        result: Doubles = self.total / max(self.images, 1)
        return result

    def merged(self, other: "MeanImage") -> "MeanImage":
        """The sum of both."""
        return MeanImage(self.images + other.images, self.total + other.total)


def sum_of(frames: list[Pixels]) -> MeanImage:
    """Sum images of one size, uint8 [H, W, 3]."""
    return MeanImage(len(frames), np.sum(frames, axis=0, dtype=np.uint64))


def write_mean(path: Place, mean: MeanImage, temporaries: Place) -> None:
    """Write a sum of images as a file that appears whole. To compress it would take as long as 30 galaxies."""
    with appearing(path, temporaries) as file:
        np.savez(file, images=mean.images, total=mean.total.astype(np.uint32))


def read_mean(path: Place) -> MeanImage | None:
    """Read a sum of images; None where there is none that can be read. Sizes are judged before anything is unpacked."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        data = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                return None
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            images, total = int(stored["images"]), stored["total"]
        square = total.ndim == 3 and total.shape[0] == total.shape[1] and total.shape[2] == 3
        return MeanImage(images, total.astype(np.uint64)) if square else None
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def brightness(mean: Doubles, channel: Channel) -> Doubles:
    """One brightness a pixel, per cent of 255: the mean of the channels, or the largest of them; float64 [H, W]."""
    levels = mean.mean(axis=2) if channel == "grey" else mean.max(axis=2)
    result: Doubles = levels / 2.55
    return result


def box_side(bright: Doubles, threshold: float) -> int:
    """Side of the smallest centred square that holds every pixel above a threshold, px; 0 where none is above."""
    rows, columns = np.nonzero(bright > threshold)
    if not len(rows):
        return 0
    height, width = bright.shape
    reach = max(np.abs(2 * rows - height + 1).max(), np.abs(2 * columns - width + 1).max())
    return int(reach) + 1
