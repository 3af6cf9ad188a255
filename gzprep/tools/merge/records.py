"""Rewrites records and shards: the same images and answers, in wider vectors."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gzcore.dataset.example import Record, check_id, galaxy_entries, parse_record, serialize
from gzcore.dataset.features import Widths
from gzcore.dataset.layout import VIEWS
from gzcore.dataset.tfrecord import DamagedRecord, frame
from gzcore.errors import GzError
from gzcore.storage.atomic import appearing
from gzprep.catalogue.survey import Survey
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import read_shard
from gzprep.tools.merge.inputs import Part

Json = dict[str, Any]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Places:
    """Where the numbers of a folder stand among those of the joined one.

    Attributes:
        fractions, votes, labels: the place of each, int64 [F], [Q] and [L].
        widths: how many there are in the joined folder.
    """

    fractions: Ints
    votes: Ints
    labels: Ints
    widths: Widths


def places_of(own: Survey, joined: Survey) -> Places:
    """Find the questions of a survey in the joined one, by name."""
    questions = [question.name for question in joined.tree]
    return Places(
        _places(own.fraction_names, joined.fraction_names),
        _places([question.name for question in own.tree], questions),
        _places(own.label_names, joined.label_names),
        joined.widths,
    )


def _places(names: Sequence[str], among: Sequence[str]) -> Ints:
    by_name = {name: place for place, name in enumerate(among)}
    return np.array([by_name[name] for name in names], np.int64)


def spread(values: npt.NDArray[Any], places: Ints, width: int, fill: float) -> npt.NDArray[Any]:
    """Put values at their places in a longer vector, [width]; the rest is ``fill``."""
    wide = np.full(width, fill, values.dtype)
    wide[places] = values
    return wide


def widen(record: Record, places: Places, prefix: str = "") -> bytes:
    """A record in the joined folder.

    Questions of other folders are not known: fraction and votes NaN, labels and mask 0. Image and ops are copied.

    Args:
        record: as it was.
        places: where its numbers stand now.
        prefix: what is put before its id.

    Raises:
        DamagedRecord: the id with its prefix is too long.
    """
    widths, labels = places.widths, places.labels
    shared = galaxy_entries(
        check_id((prefix + record.id).encode()),
        record.fold,
        fraction=spread(record.fraction, places.fractions, widths.fractions, np.nan).tolist(),
        votes=spread(record.votes, places.votes, widths.votes, np.nan).tolist(),
        label_report=spread(record.label_report, labels, widths.labels, 0).tolist(),
        label_asked=spread(record.label_asked, labels, widths.labels, 0).tolist(),
        mask=spread(record.mask, labels, widths.labels, 0).tolist(),
    )
    return serialize(shared, record.image, record.view, record.ops)


@dataclass(eq=False)
class LabelSums:
    """What a trainer weights labels by: galaxies, and sums of mask, label_asked and label_report, by fold.

    Attributes:
        width: labels of the joined folder.
        galaxies: originals, by fold; -1 is test.
        sums: int64 [3, width], by fold.
    """

    width: int
    galaxies: dict[int, int] = field(default_factory=dict)
    sums: dict[int, Ints] = field(default_factory=dict)

    def add(self, record: Record, places: Places) -> None:
        """Add an original."""
        self.galaxies[record.fold] = self.galaxies.get(record.fold, 0) + 1
        total = self.sums.setdefault(record.fold, np.zeros((3, self.width), np.int64))
        total[:, places.labels] += np.stack([record.mask, record.label_asked, record.label_report])

    def document(self, fold: int) -> Json:
        """The counts of a fold, as the manifest has them."""
        rows = self.sums.get(fold, np.zeros((3, self.width), np.int64)).tolist()
        return {"galaxies": self.galaxies.get(fold, 0), **dict(zip(("answered", "asked", "report"), rows, strict=True))}


@dataclass(frozen=True)
class Rewriting:
    """How the shards of one folder are rewritten.

    Attributes:
        part: the folder they are from.
        places: where its numbers stand now.
        sums: where labels are counted.
        on_galaxy: called for each galaxy that is copied.
    """

    part: Part
    places: Places
    sums: LabelSums
    on_galaxy: Callable[[], None]

    def write_shard(self, split: str, shard: Json, out: Folder, name: str) -> Json:
        """Rewrite one shard; one record is in memory at a time.

        Returns:
            What the manifest says of the new shard.

        Raises:
            GzError: the shard is absent, damaged, or not as its manifest says.
        """
        digest, size, count = hashlib.sha256(), 0, 0
        with appearing(out.root / name, out.temporaries) as file:
            for data in self._records(split, shard):
                framed = frame(data)
                file.write(framed)
                digest.update(framed)
                size += len(framed)
                count += 1
            if count != shard["records"]:
                path = self.part.folder.root / shard["file"]
                raise GzError(f"The shard {path} has {count} records; its manifest says {shard['records']}.")
        return {"file": name, "fold": shard["fold"], "records": count, "bytes": size, "sha256": digest.hexdigest()}

    def _records(self, split: str, shard: Json) -> Iterator[bytes]:
        path = self.part.folder.root / shard["file"]
        widths = self.part.manifest.widths
        for number, data in enumerate(read_shard(path), 1):
            try:
                record = parse_record(data, widths)
                wide = widen(record, self.places, self.part.prefix)
            except DamagedRecord as error:
                raise GzError(f"The shard {path} is damaged: record {number} cannot be used: {error}.") from None
            if split != VIEWS:
                self.sums.add(record, self.places)
                self.on_galaxy()
            yield wide
