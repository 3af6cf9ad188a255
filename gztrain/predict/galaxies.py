"""Named crops from either source: image files, or the galaxies of a dataset folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gzcore.dataset.layout import MANIFEST, TEST, TRAIN
from gzcore.errors import GzError, UsageError
from gzcore.images import Pixels
from gzcore.storage.places import Place
from gztrain.data import Selection, open_reader, select
from gztrain.data.dataset import open_dataset
from gztrain.data.stream import in_order
from gztrain.predict.crops import Cut, find_files, read_crop, readable
from gztrain.predict.images import BATCH
from gztrain.predict.threads import in_batches, read_ahead, reading_threads
from gztrain.runs.folder import Run

Named = tuple[list[str], Pixels]
"""N ids, and their crops, uint8 [N, S, S, 3]."""


@dataclass
class Counts:
    """What came of the images."""

    images: int = 0
    unusable: int = 0
    other_size: int = 0


def is_dataset(places: Sequence[Path]) -> bool:
    """Whether the places are one dataset folder.

    Raises:
        UsageError: a dataset folder is among others.
    """
    folders = [place for place in places if (place / MANIFEST).is_file()]
    if folders and len(places) > 1:
        raise UsageError(f"{folders[0]} is a dataset folder; name it alone, without other images or folders.")
    return bool(folders)


def galaxies_of(places: Sequence[Path], cut: Cut, counts: Counts) -> Iterator[Named]:
    """The crops at some places, in batches: image files, or all galaxies of one dataset folder (view 0).

    Raises:
        UsageError: a place is not there, or the crops of the data set have another size.
    """
    if not is_dataset(places):
        yield from from_files(find_files(places).images, cut, counts)
        return
    for split in (TRAIN, TEST):
        selection = selection_of(places[0], cut.crop, split)
        for batch in in_order(open_reader(), selection, BATCH) if len(selection) else ():
            yield list(batch.ids), batch.images


def selection_of(place: Place, crop: int, split: str, folds: Sequence[int] | None = None) -> Selection:
    """The records of a split of a data set whose crops have the right size.

    Raises:
        UsageError: they have another size.
    """
    dataset = open_dataset(place)
    if dataset.crop != crop:
        raise UsageError(f"The crops in {place} are {dataset.crop} px, and the run was trained on {crop} px.")
    return select(dataset, split, folds)


def from_files(paths: Sequence[Path], cut: Cut, counts: Counts) -> Iterator[Named]:
    """The crops of image files, in batches; files that cannot be used are counted."""
    with reading_threads() as pool:
        for crops in read_ahead(pool, partial(read_crop, cut=cut), in_batches(paths, BATCH)):
            usable = [(readable(crop.path), crop.pixels) for crop in crops if crop.pixels is not None]
            counts.unusable += len(crops) - len(usable)
            counts.other_size += sum(crop.other_size is True for crop in crops)
            if usable:
                names, pixels = zip(*usable, strict=True)
                yield list(names), np.stack(pixels)


def some_galaxies(run: Run, places: Sequence[Path], number: int, cut: Cut, counts: Counts) -> Named:
    """Some galaxies, evenly spread over those that there are.

    Args:
        run: the run that will look at them.
        places: images and folders of images, or one dataset folder; none: the data set of the run.
        number: how many, at most.
        cut: how the input of its model is cut out of an image.
        counts: told what cannot be used.

    Returns:
        Ids and crops. Of a data set, those of the test split; of one without, those of the validation fold.

    Raises:
        UsageError: a place is not there, or the crops of the data set have another size.
        GzError: there is no galaxy that can be used.
    """
    named = list(_some(run, places, number, cut, counts))
    if not named:
        raise GzError("There is no galaxy that can be used.")
    counts.images += sum(len(names) for names, _ in named)
    return [name for names, _ in named for name in names], np.concatenate([pixels for _, pixels in named])


def _some(run: Run, places: Sequence[Path], number: int, cut: Cut, counts: Counts) -> Iterator[Named]:
    if places and not is_dataset(places):
        paths = find_files(places).images
        yield from from_files([paths[place] for place in _spread(len(paths), number)], cut, counts)
        return
    place = places[0] if places else run.dataset
    selection = selection_of(place, cut.crop, TEST) or selection_of(place, cut.crop, TRAIN, [run.config.fold])
    chosen = np.array(_spread(len(selection), number), np.int64)
    for batch in open_reader(skip_damaged=True).batches(selection, chosen, BATCH) if len(selection) else ():
        yield list(batch.ids), batch.images


def _spread(there: int, wanted: int) -> list[int]:
    """Places of some of the things that there are, evenly spread."""
    return sorted(set(np.linspace(0, there - 1, min(there, wanted)).astype(int).tolist())) if there else []
