"""Makes records again through albumentations' own transforms, and says how far they differ from ours."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gzcore.dataset.example import Record
from gzcore.errors import UsageError
from gzcore.images import Pixels
from gzprep.config import Recipe, from_mapping
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import operations_of, read_record, widths_of
from gzprep.dataset.source import find_origin
from gzprep.images.codec import encode
from gzprep.images.pipeline import import_albumentations
from gzprep.images.reference import (
    LEAST_SHARE,
    NEAR,
    can_make,
    difference,
    render_by_albumentations,
    view_of,
)
from gzprep.images.views import render
from gzprep.tools.replay import Moved, choose, judged_again, stored_records
from gzprep.tools.shard_contents import Key

Json = dict[str, Any]


@dataclass
class Agreement:
    """How far the two ways are apart, over all views that were compared.

    Attributes:
        views: that were compared.
        left_out: views with an operation that albumentations lacks.
        pixels: of the views that were compared.
        near: pixels that differ by 2 grey levels at most.
        largest: grey levels.
        faults: a sentence for each record that its own ``ops`` do not describe.
    """

    views: int = 0
    left_out: int = 0
    pixels: int = 0
    near: int = 0
    largest: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Share of pixels that differ by 2 grey levels at most; 1 where none was compared."""
        return self.near / self.pixels if self.pixels else 1.0

    def add(self, record: Record, frame: Pixels, recipe: Recipe) -> None:
        """Make a view both ways from what its record says was done."""
        view, crop = view_of(record.view, operations_of(record)), recipe.crop.size
        ours = render(frame, view, crop)
        if encode(ours, recipe.crop) != record.image:
            self.faults.append(f"Galaxy {record.id}, view {record.view}: its image is not what its ops describe.")
        if not can_make(view, crop):
            self.left_out += 1
            return
        found = difference(ours, render_by_albumentations(frame, view, crop))
        self.views += 1
        self.pixels += found.pixels
        self.near += found.near
        self.largest = max(self.largest, found.largest)

    def all_faults(self) -> Iterator[str]:
        """Yield what is wrong."""
        yield from self.faults
        if self.share < LEAST_SHARE:
            yield (
                f"Only {100 * self.share:.2f} % of pixels are within {NEAR} grey levels of albumentations; "
                f"expected {100 * LEAST_SHARE:g} %."
            )

    def as_json(self) -> Json:
        """The figures as JSON has them."""
        return {
            "library": f"albumentations {import_albumentations().__version__}",
            "views": self.views,
            "left_out": self.left_out,
            "share_within_2": self.share,
            "largest": self.largest,
        }

    def sentence(self) -> str:
        """The figures as a person reads them."""
        without = (
            f" {self.left_out} views were left out: albumentations has no such operation." if self.left_out else ""
        )
        return (
            f"{self.views} views made again by albumentations: {100 * self.share:.3f} % of pixels differ by {NEAR} "
            f"grey levels at most, the largest difference is {self.largest}.{without}"
        )


def compare_reference(folder: Folder, manifest: Json, records: Iterable[Key], wanted: int, where: Moved) -> Agreement:
    """Make the first ``wanted`` of the records (by hash) again from the parameters that they store.

    Args:
        folder: the dataset folder.
        manifest: what it says of itself.
        records: all there are.
        wanted: how many to compare.
        where: where the source is now.

    Raises:
        UsageError: the views were made by a user's own pipeline.
        GzError: the source is not there.
    """
    recipe = from_mapping(manifest["recipe"], "The manifest's recipe")
    if recipe.views.pipeline is not None:
        raise UsageError(
            f"The views in {folder.root} were made by albumentations itself (views.pipeline), so there is nothing to "
            "compare; leave out --reference, and --replay makes them again."
        )
    chosen = choose(records, wanted)
    kept = [read_record(data, widths_of(manifest)) for _, data in stored_records(folder, manifest, chosen)]
    agreement = Agreement()
    origin = find_origin(folder, manifest, where.data, where.images)
    for judged, frame in judged_again(recipe, {record.id for record in kept}, origin):
        for record in kept:
            if record.id == judged.galaxy.id:
                agreement.add(record, frame, recipe)
    return agreement
