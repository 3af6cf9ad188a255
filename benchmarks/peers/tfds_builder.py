"""A tensorflow-datasets builder that makes 13 views of every galaxy in a Beam pipeline.

Written as tensorflow-datasets' own guide writes a Beam builder: `Create`, then one `FlatMap` to examples; shuffling,
encoding, serialising and sharding are tfds'. `fast_views` are gzprep's; `plain_views` are what a user of albumentations
would write first: the operations on the whole frame, then a centre crop. `encoded_views` are gzprep's as bytes, which
leaves tfds the writing alone.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import apache_beam as beam
import cv2
import numpy as np
import tensorflow_datasets as tfds

CROP, VIEWS = 224, 12
Example = tuple[str, dict[str, Any]]


class Galaxies(tfds.core.GeneratorBasedBuilder):
    """13 views of each galaxy."""

    VERSION = tfds.core.Version("1.0.0")
    paths: list[Path]
    views_of: Callable[[Path], Iterator[Any]]

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Image(shape=(CROP, CROP, 3), encoding_format="jpeg"),
            "id": tfds.features.Text(),
            "view": np.int64,
            "fraction": tfds.features.Tensor(shape=(32,), dtype=np.float32),
            "label": tfds.features.Tensor(shape=(22,), dtype=np.int64),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, _: tfds.download.DownloadManager) -> dict[str, Any]:
        return {"train": self._generate_examples(self.paths)}

    def _generate_examples(self, paths: list[Path]) -> beam.PTransform:
        return beam.Create([str(path) for path in paths]) | beam.FlatMap(examples, type(self).views_of)


def examples(path: str, views_of: Callable[[Path], Iterator[Any]]) -> Iterator[Example]:
    """Yield the examples of one galaxy."""
    name = Path(path).stem
    labels = {"fraction": np.zeros(32, np.float32), "label": np.zeros(22, np.int64)}
    for view, image in enumerate(views_of(Path(path))):
        yield f"{name}/{view}", {"image": image, "id": name, "view": view, **labels}


def encoded_views(path: Path) -> Iterator[bytes]:
    """Gzprep's 13 views, encoded."""
    from gzprep.images.codec import encode

    return (encode(image, _recipe().crop) for image in fast_views(path))


def fast_views(path: Path) -> Iterator[np.ndarray]:
    """Gzprep's 13 views."""
    from gzcore.images import decode
    from gzprep.images.views import Rules, draw_views, render

    recipe = _recipe()
    frame = decode(path.read_bytes(), "RGBA")
    for view in draw_views(Rules(recipe.views, CROP), recipe.seed, path.stem):
        yield render(frame, view, CROP)


@cache
def _recipe() -> Any:  # noqa: ANN401 -- a gzprep.config.Recipe, which plain_views does not need
    from gzprep.config import Recipe

    return Recipe()


def plain_views(path: Path) -> Iterator[np.ndarray]:
    """13 views by albumentations."""
    frame = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    start = (frame.shape[0] - CROP) // 2
    yield np.ascontiguousarray(frame[start : start + CROP, start : start + CROP])
    for _ in range(VIEWS):
        yield _composition()(image=frame)["image"]


@cache
def _composition() -> Any:  # noqa: ANN401 -- an albumentations.Compose
    import albumentations as al

    edge = {"border_mode": cv2.BORDER_REFLECT_101}
    operations = [
        al.NoOp(p=1),
        al.OneOf([al.HorizontalFlip(p=1), al.VerticalFlip(p=1)], p=1),
        al.Rotate((-180, 180), p=1, **edge),
        al.Affine(scale=(0.9, 1.1), p=1, **edge),
        al.GaussianBlur(blur_limit=(3, 7), sigma_limit=(0.8, 1.4), p=1),
        al.OneOf([al.GaussNoise(std_range=(1 / 255, 8 / 255), p=1), al.MedianBlur(blur_limit=3, p=1)], p=1),
        al.Affine(translate_px=(-8, 8), p=1, **edge),
    ]
    return al.Compose([al.SomeOf(operations, n=3, replace=False, p=1), al.CenterCrop(CROP, CROP)], seed=0)
