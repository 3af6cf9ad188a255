"""What a run folder keeps of a data set, so that two data sets can be told apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gzcore.storage.places import Place, as_place
from gztrain.data.dataset import Dataset

_DIGITS = 12
"""Digits of a hash that are shown to a person."""


@dataclass(frozen=True, slots=True)
class DataRecord:
    """A data set as a run remembers it.

    Attributes:
        place: the dataset folder; it may have moved since.
        recipe_hash: of its manifest; it covers crops, views, folds and what is rejected.
        data_hash: of its manifest; it covers rows, images and splits. None: the folder was made before there was one.
        crop: height and width of its images, px.
        frame: height and width of the source images that the crops were cut from, px; None where that is not known.
        pixel_scale: arcsec that a pixel covers; None where that is not known or differs from galaxy to galaxy.
        masked: whether neighbours of the galaxy were replaced by sky.
    """

    place: Place
    recipe_hash: str
    data_hash: str | None
    crop: int
    frame: int | None = None
    pixel_scale: float | None = None
    masked: bool = False

    def differs_from(self, other: "DataRecord") -> bool:
        """Whether the hashes show that these are different data sets."""
        both_known = self.data_hash is not None and other.data_hash is not None
        return self.recipe_hash != other.recipe_hash or (both_known and self.data_hash != other.data_hash)

    def equals(self, other: "DataRecord") -> bool:
        """Whether the hashes prove that these are the same data set, wherever it is."""
        return self.data_hash is not None and self.data_hash == other.data_hash and not self.differs_from(other)

    def __str__(self) -> str:
        """The folder and its hashes, for a message."""
        data = "" if self.data_hash is None else f"data {self.data_hash[:_DIGITS]}, "
        return f"{self.place} ({data}recipe {self.recipe_hash[:_DIGITS]})"

    @property
    def short(self) -> str:
        """The name of the folder and the first digits of its hash, for a table."""
        return f"{self.place.name} {(self.data_hash or self.recipe_hash)[:8]}"

    def as_json(self) -> dict[str, Any]:
        """As config.json holds it."""
        return {
            "path": str(self.place.resolve()),
            "recipe_hash": self.recipe_hash,
            "data_hash": self.data_hash,
            "crop": self.crop,
            "frame": self.frame,
            "pixel_scale": self.pixel_scale,
            "masked": self.masked,
        }


def record_from(values: Mapping[str, Any]) -> DataRecord:
    """Read a record back from config.json; older runs lack the keys that have a default.

    Raises:
        KeyError, TypeError: it is damaged.
    """
    known = values["recipe_hash"], values.get("data_hash"), values["crop"]
    optional = values.get("frame"), values.get("pixel_scale"), values.get("masked", False)
    return DataRecord(as_place(values["path"]), *known, *optional)


def record_of(dataset: Dataset) -> DataRecord:
    """What a run remembers of an opened data set."""
    manifest = dataset.manifest
    return DataRecord(
        place=dataset.place,
        recipe_hash=str(manifest.get("recipe_hash", "")),
        data_hash=manifest.get("data_hash"),
        crop=dataset.crop,
        frame=_frame(manifest),
        masked=manifest["recipe"].get("images", {}).get("mask") == "central",
    )


def _frame(manifest: Mapping[str, Any]) -> int | None:
    frame = manifest["recipe"].get("images", {}).get("frame")
    return frame if type(frame) is int else None
