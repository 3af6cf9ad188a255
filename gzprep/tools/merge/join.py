"""Joins dataset folders: the shards one by one, then the tables and cards, and last the manifest."""

from collections.abc import Callable, Sequence
from typing import Any

from gzcore.console import say
from gzcore.dataset.layout import MERGED, SPLITS, shard_name
from gzcore.dataset.manifest import read_manifest
from gzcore.errors import GzError, UsageError
from gzcore.storage.atomic import withdraw, write_json, writing
from gzcore.storage.hub import SCHEME as HUB
from gzcore.storage.places import Place, Url
from gzprep.config import Recipe
from gzprep.dataset.folder import Folder, clear, locked, sweep
from gzprep.dataset.leaks import COLUMNS, find_leaks
from gzprep.dataset.read import read_columns
from gzprep.prepare.finish import write_cards
from gzprep.tools.merge.inputs import Part
from gzprep.tools.merge.manifest import describe, identity, joined_recipe
from gzprep.tools.merge.records import LabelSums, Rewriting, places_of
from gzprep.tools.merge.tables import join_tables, rows_of

Json = dict[str, Any]


def join(
    parts: Sequence[Part], out: Place, *, overwrite: bool = False, on_galaxy: Callable[[], None] = lambda: None
) -> Json:
    """Join dataset folders into one.

    Args:
        parts: the folders, opened and checked.
        out: the folder to make.
        overwrite: replace the data set that is there.
        on_galaxy: called for each galaxy that is copied.

    Returns:
        The manifest. Where the folder is there already, joined from the same data sets, nothing is written.

    Raises:
        UsageError: the questions cannot be joined.
        GzError: something else is in the way, or an input is damaged.
    """
    recipe = joined_recipe(parts)
    folder = Folder(out.absolute())
    _refuse_place(folder, parts)
    hashes = identity(parts, recipe)
    stored = _stored(folder)
    if stored is not None and not overwrite and {key: stored.get(key) for key in hashes} == hashes:
        say(f"{out} is whole, and joined from the same data sets; nothing is to be done.")
        return stored
    with locked(folder):
        _make_room(folder, overwrite=overwrite)
        with writing(folder.root):
            write_json(folder.merging, hashes, folder.temporaries)
            return _write(parts, recipe, folder, on_galaxy)


def _refuse_place(folder: Folder, parts: Sequence[Part]) -> None:
    """Refuse to write into an input, or where nothing can be written."""
    if isinstance(folder.root, Url) and folder.root.scheme == HUB:
        raise GzError(f"--out {folder.root} is on the Hugging Face hub, which is only read; choose another.")
    if any(part.folder.root.resolve() == folder.root.resolve() for part in parts):
        raise UsageError(f"--out {folder.root} is one of the folders that are joined; choose another.")


def _stored(folder: Folder) -> Json | None:
    """The manifest of a joined folder that is whole; None where there is none."""
    if not (folder.merging.is_file() and folder.manifest.is_file()):
        return None
    try:
        return read_manifest(folder.root)[1]
    except GzError:
        return None  # damaged: --overwrite makes it again


def _make_room(folder: Folder, *, overwrite: bool) -> None:
    """Remove what a merge left half-way, or what ``overwrite`` allows; refuse everything else that is there."""
    shards = folder.root.glob("*.tfrecord-*")
    others = folder.plan.exists() or folder.manifest.exists() or folder.catalogue.exists()
    unfinished = folder.merging.is_file() and not folder.manifest.exists()
    if not unfinished and not overwrite and (others or any(shards)):
        raise GzError(
            f"{folder.root} holds files of another data set; choose another --out, or replace them with --overwrite."
        )
    clear(folder, MERGED)
    sweep(folder)


def _write(parts: Sequence[Part], recipe: Recipe, folder: Folder, on_galaxy: Callable[[], None]) -> Json:
    withdraw(folder.manifest)
    places = [places_of(part.recipe.survey, recipe.survey) for part in parts]
    sums = LabelSums(recipe.survey.widths.labels)
    writers = [Rewriting(part, own, sums, on_galaxy) for part, own in zip(parts, places, strict=True)]
    splits = {split: _write_split(split, writers, folder) for split in SPLITS}
    join_tables(rows_of(parts, places), folder)
    manifest = describe(parts, recipe, splits, sums)
    manifest["leaks"] = find_leaks(read_columns(folder.catalogue, COLUMNS))
    write_cards(folder, manifest)
    write_json(folder.manifest, manifest, folder.temporaries)
    return manifest


def _write_split(split: str, writers: Sequence[Rewriting], folder: Folder) -> list[Json]:
    """Rewrite the shards of a split, those of the first folder first; folds stay as they are."""
    listed = [(writer, shard) for writer in writers for shard in writer.part.document["splits"][split]["shards"]]
    return [
        writer.write_shard(split, shard, folder, shard_name(MERGED, split, index, len(listed)))
        for index, (writer, shard) in enumerate(listed)
    ]
