"""12 views of each galaxy as a first script makes them: `author_style.py IMAGES OUT COUNT`.

Every operation in its turn on the whole 424 px frame, noise from float64 normal numbers, removed by non-local means,
each view a JPEG file of its own, uncropped.
"""

import random
import sys
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
VIEWS = 12


def flip(image: Pixels) -> Pixels:
    """Left-right or up-down."""
    return np.ascontiguousarray(image[:, ::-1] if random.random() < 0.5 else image[::-1])


def _warp(image: Pixels, degrees: float, zoom: float) -> Pixels:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, zoom)
    return cv2.warpAffine(image, matrix, (width, height))  # type: ignore[return-value]


def rotate(image: Pixels) -> Pixels:
    """By any angle."""
    return _warp(image, random.uniform(-180, 180), 1.0)


def zoom(image: Pixels) -> Pixels:
    """By a tenth at most."""
    return _warp(image, 0.0, random.uniform(0.9, 1.1))


def blur(image: Pixels) -> Pixels:
    """Gaussian, of 3, 5 or 7 px."""
    size = random.choice((3, 5, 7))
    return cv2.GaussianBlur(image, (size, size), 0)  # type: ignore[return-value]


def noise(image: Pixels) -> Pixels:
    """Add noise, or remove it."""
    if random.random() < 0.5:
        return cv2.fastNlMeansDenoisingColored(image, None, 3, 3, 7, 21)  # type: ignore[return-value]
    noisy = image + np.random.normal(0, random.uniform(1, 8), image.shape)  # noqa: NPY002 -- as first scripts do
    return np.clip(noisy, 0, 255).astype(np.uint8)


def translate(image: Pixels) -> Pixels:
    """By 8 px at most."""
    height, width = image.shape[:2]
    matrix = np.float32(((1, 0, random.uniform(-8, 8)), (0, 1, random.uniform(-8, 8))))  # type: ignore[arg-type]
    return cv2.warpAffine(image, matrix, (width, height))  # type: ignore[return-value]


def none(image: Pixels) -> Pixels:
    """Nothing."""
    return image


OPERATIONS = (none, flip, rotate, zoom, blur, noise, translate)


def main() -> None:
    """Loop."""
    images, out, count = sys.argv[1:]
    random.seed(0)
    cv2.setNumThreads(1)
    Path(out).mkdir(parents=True)
    for line in Path(images).read_text().splitlines()[: int(count)]:
        frame = cv2.imread(line)
        for view in range(VIEWS):
            image = frame
            for operation in random.sample(OPERATIONS, 3):
                image = operation(image)
            cv2.imwrite(f"{out}/{Path(line).stem}_{view}.jpg", image)


if __name__ == "__main__":
    main()
