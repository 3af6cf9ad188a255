"""Loaders of image files, on TensorFlow: `file_loaders.py MATERIALS NAME RECORDS`.

`galaxy-datasets` reads the 424 px frames as its own documentation shows, as they are or resized to the crop's size, and
`.batch`es them; Keras' `image_dataset_from_directory` reads frames and scales them, or reads finished crops.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
from relay import serve

BATCH, CROP = 256, 224


def galaxy_datasets(materials: Path, records: int, size: int | None) -> Callable[[], Any]:
    """Frames by galaxy-datasets."""
    from galaxy_datasets.tensorflow import get_image_dataset

    paths = (materials / "sky" / "images.txt").read_text().split()
    paths = [paths[at % len(paths)] for at in range(records)]
    labels = np.zeros((len(paths), 32), np.float32)
    return lambda: get_image_dataset(paths, labels, requested_img_size=size).batch(BATCH)


def keras_directory(folder: Path) -> Callable[[], Any]:
    """A folder of classes by Keras."""
    import keras

    stream = keras.utils.image_dataset_from_directory(folder, batch_size=BATCH, image_size=(CROP, CROP), verbose=False)
    return lambda: stream


def main() -> None:
    """Serve."""
    where, name, records = sys.argv[1:]
    materials = Path(where)
    make = {
        "galaxy-datasets": lambda: galaxy_datasets(materials, int(records), None),
        "galaxy-datasets-resized": lambda: galaxy_datasets(materials, int(records), CROP),
        "keras-frames": lambda: keras_directory(materials / "sky" / "images"),
        "keras-crops": lambda: keras_directory(materials / "crops"),
    }[name]()
    serve(lambda: sum(len(images) for images, _ in make()))


if __name__ == "__main__":
    main()
