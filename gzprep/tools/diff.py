"""What differs between two data sets: keys of the recipe, galaxies, labels, images."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gzcore.dataset.example import Record
from gzcore.dataset.schema import Manifest
from gzcore.storage.places import Place
from gzprep.catalogue.surveys import gz2
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import open_folder, read_record, read_shard, shard_paths, widths_of
from gzprep.report.rows import open_columns, read_batches

EXAMPLES = 3
_KEY = np.dtype([("key", "u8"), ("image", "u8")])
_ABSENT = object()
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One kind of difference.

    Attributes:
        kind: what differs, in words.
        count: in how many places.
        examples: at most three of them.
    """

    kind: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two data sets beside each other.

    Attributes:
        same: neither recipe, galaxies, labels nor images differ.
        hashes: recipe hash and data hash of both; None: an older folder has none.
        differences: what differs, empty where nothing does.
        common: galaxies that are in both.
    """

    same: bool
    hashes: dict[str, tuple[str | None, str | None]]
    differences: tuple[Difference, ...]
    common: int

    def document(self) -> Json:
        """The same as JSON."""
        return asdict(self)


def compare(first: Place, second: Place) -> Comparison:
    """Compare two dataset folders.

    Raises:
        GzError: a folder is not whole, or damaged.
    """
    (folder_a, a), (folder_b, b) = open_folder(first), open_folder(second)
    hashes = {name: (a.get(name), b.get(name)) for name in ("recipe_hash", "data_hash")}
    galaxies_a, galaxies_b = _galaxies(folder_a, a), _galaxies(folder_b, b)
    differences = [
        _recipe_keys(a["recipe"], b["recipe"]),
        *_versions(a, b),
        *_only_in_one(galaxies_a, galaxies_b),
        *_moved(galaxies_a, galaxies_b),
        *_labels(a["labels"]["names"], b["labels"]["names"], galaxies_a, galaxies_b),
        *_images(folder_a, a, folder_b, b),
    ]
    kept = tuple(difference for difference in differences if difference.count)
    return Comparison(not kept, hashes, kept, len(galaxies_a.keys() & galaxies_b.keys()))


@dataclass(frozen=True, slots=True)
class _Galaxy:
    split: str
    fold: int
    verdict: str
    labels: bytes


Galaxies = Mapping[str, _Galaxy]


def _galaxies(folder: Folder, document: Json) -> Galaxies:
    """What the catalogue says of every galaxy; labels under ``asked`` with 2 where they are masked."""
    columns = open_columns(folder.catalogue, Manifest.model_validate(document))
    galaxies = {}
    for batch in read_batches(folder.catalogue, columns):
        labels = np.where(batch.mask == 1, batch.asked, 2).astype(np.uint8)
        for place, galaxy_id in enumerate(batch.ids):
            fold = -1 if batch.folds[place] is None else batch.folds[place]
            row = (batch.splits[place], fold, batch.verdicts[place], labels[place].tobytes())
            galaxies[galaxy_id] = _Galaxy(*row)
    return galaxies


def _recipe_keys(a: Json, b: Json) -> Difference:
    flat_a, flat_b = dict(_flat(_with_name(a))), dict(_flat(_with_name(b)))
    keys = [key for key in sorted({*flat_a, *flat_b}) if flat_a.get(key, _ABSENT) != flat_b.get(key, _ABSENT)]
    return _difference("keys of the recipe", [f"{key}: {flat_a.get(key)} and {flat_b.get(key)}" for key in keys])


def _with_name(recipe: Json) -> Json:
    """A recipe with the name of its survey alone: its questions are compared by the names of labels."""
    return {**recipe, "survey": recipe.get("survey", {"name": str(gz2())})["name"]}


def _flat(values: Json, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _versions(a: Json, b: Json) -> Iterator[Difference]:
    names = sorted({*a["versions"], *b["versions"]})
    pairs = [(name, a["versions"].get(name), b["versions"].get(name)) for name in names]
    yield _difference("versions of libraries", [f"{name} {old} and {new}" for name, old, new in pairs if old != new])


def _only_in_one(a: Galaxies, b: Galaxies) -> Iterator[Difference]:
    yield _difference("galaxies only in the first", sorted(a.keys() - b.keys()))
    yield _difference("galaxies only in the second", sorted(b.keys() - a.keys()))


def _moved(a: Galaxies, b: Galaxies) -> Iterator[Difference]:
    common = sorted(a.keys() & b.keys())
    split = [f"{key}: {a[key].split} and {b[key].split}" for key in common if a[key].split != b[key].split]
    yield _difference("galaxies in another split", split)
    fold = [f"{key}: {a[key].fold} and {b[key].fold}" for key in common if a[key].fold != b[key].fold]
    yield _difference("galaxies in another fold", fold)
    verdict = [f"{key}: {a[key].verdict} and {b[key].verdict}" for key in common if a[key].verdict != b[key].verdict]
    yield _difference("galaxies with another verdict", verdict)


def _labels(names_a: list[str], names_b: list[str], a: Galaxies, b: Galaxies) -> Iterator[Difference]:
    """For each label, the galaxies whose answer differs: 0, 1, or masked."""
    if names_a != names_b:
        yield _difference("names of labels", sorted({*names_a} ^ {*names_b}))
        return
    changed: dict[str, list[str]] = {}
    for key in sorted(a.keys() & b.keys()):
        for name, old, new in zip(names_a, a[key].labels, b[key].labels, strict=True):
            if old != new:
                changed.setdefault(name, []).append(f"{key}: {_answer(old)} and {_answer(new)}")
    for name, examples in changed.items():
        yield _difference(f"galaxies with another {name}", examples)


def _answer(value: int) -> str:
    return ("0", "1", "masked")[value]


def _images(folder_a: Folder, a: Json, folder_b: Folder, b: Json) -> Iterator[Difference]:
    """Compare the images of all records by id and view; files that are equal as a whole are not read."""
    for split in ("train", "train_views", "test"):
        sums = [[shard["sha256"] for shard in document["splits"][split]["shards"]] for document in (a, b)]
        if sums[0] == sums[1]:
            continue
        records_a, records_b = _digests(folder_a, a, split), _digests(folder_b, b, split)
        _, in_a, in_b = np.intersect1d(records_a["key"], records_b["key"], return_indices=True)
        different = records_a["image"][in_a] != records_b["image"][in_b]
        wanted = set(records_a["key"][in_a][different][:EXAMPLES].tolist())
        yield Difference(f"images of {split}", int(different.sum()), tuple(_names(folder_a, a, split, wanted)))


def _digests(folder: Folder, document: Json, split: str) -> npt.NDArray[Any]:
    """Hashes of (id, view) and of the image of every record: 16 bytes each, so that millions fit into memory."""
    pairs = [
        (_hash(f"{record.id}/{record.view}".encode()), _hash(record.image))
        for record in _records(folder, document, split)
    ]
    return np.array(pairs, _KEY)


def _names(folder: Folder, document: Json, split: str, wanted: set[int]) -> Iterator[str]:
    if not wanted:
        return
    for record in _records(folder, document, split):
        if _hash(f"{record.id}/{record.view}".encode()) in wanted:
            yield f"{record.id}, view {record.view}"


def _records(folder: Folder, document: Json, split: str) -> Iterator[Record]:
    widths = widths_of(document)
    for path in shard_paths(folder, document, [split]):
        for data in read_shard(path):
            yield read_record(data, widths)


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _difference(kind: str, all_of_them: list[str]) -> Difference:
    return Difference(kind, len(all_of_them), tuple(all_of_them[:EXAMPLES]))
