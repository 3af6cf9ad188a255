"""Makes records again from the source, and compares them byte by byte with those in the shards."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from gzcore.errors import GzError
from gzcore.hashing import identity_hash
from gzcore.images import Pixels
from gzcore.storage.places import Place
from gzprep.catalogue.read import read_all
from gzprep.config import Recipe, from_mapping, pixel_versions
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import read_record, read_shard, shard_paths, widths_of
from gzprep.dataset.shards import own_fold
from gzprep.dataset.source import Origin, find_origin
from gzprep.images.sources import open_images, read_image
from gzprep.prepare.galaxy import Judged, judge_galaxy, make_records
from gzprep.tools.shard_contents import Key


class Moved(NamedTuple):
    """Where the source of a data set is now: data folder and images; None: where they were."""

    data: Place | None = None
    images: Place | None = None


def replay(folder: Folder, manifest: dict[str, Any], records: Iterable[Key], wanted: int, where: Moved) -> list[str]:
    """Make the first ``wanted`` of the records (by hash) again.

    Args:
        folder: the dataset folder.
        manifest: what it says of itself.
        records: all there are.
        wanted: how many to make again.
        where: where the source is now.

    Returns:
        A sentence for each record that differs.

    Raises:
        GzError: the source, or the libraries that made the records, are not there.
    """
    _check_versions(manifest["versions"], from_mapping(manifest["recipe"], "The manifest's recipe"))
    chosen = choose(records, wanted)
    kept = dict(stored_records(folder, manifest, chosen))
    again = dict(_made_again(manifest, kept, find_origin(folder, manifest, where.data, where.images)))
    return [
        f"Galaxy {key[0]}, view {key[1]}: made again, its record differs."
        for key in sorted(chosen)
        if again.get(key) != kept[key]
    ]


def choose(records: Iterable[Key], wanted: int) -> set[Key]:
    """The first records by their hash: the same ones each time."""
    return set(sorted(records, key=lambda key: identity_hash("replay", 0, *key))[:wanted])


def _check_versions(versions: dict[str, str], recipe: Recipe) -> None:
    installed = pixel_versions(recipe.images)
    other = [
        f"{name} {version} (installed: {installed.get(name)})"
        for name, version in versions.items()
        if installed.get(name) != version
    ]
    if other:
        raise GzError(f"Records can be made again only by the libraries that made them; install {', '.join(other)}.")


def stored_records(folder: Folder, manifest: dict[str, Any], chosen: set[Key]) -> Iterator[tuple[Key, bytes]]:
    """Yield the bytes of some records as they are in the shards."""
    widths = widths_of(manifest)
    for path in shard_paths(folder, manifest, manifest["splits"]):
        for data in read_shard(path):
            record = read_record(data, widths)
            if (record.id, record.view) in chosen:
                yield (record.id, record.view), data


def _made_again(manifest: dict[str, Any], kept: dict[Key, bytes], origin: Origin) -> Iterator[tuple[Key, bytes]]:
    recipe = from_mapping(manifest["recipe"], "The manifest's recipe")
    widths = widths_of(manifest)
    stored = {galaxy_id: read_record(data, widths).fold for (galaxy_id, _), data in kept.items()}
    for judged, frame in judged_again(recipe, stored.keys(), origin):
        galaxy = judged.galaxy
        fold = own_fold(galaxy.id, galaxy.split, recipe.split_seed)
        if recipe.group_by == "duplicates":  # the galaxies of a group are decided together: taken as it is
            fold = stored[galaxy.id]
        for record in make_records(judged, frame, recipe, fold):
            yield (galaxy.id, record.view), record.data


def judged_again(recipe: Recipe, wanted: Collection[str], origin: Origin) -> Iterator[tuple[Judged, Pixels]]:
    """Read and judge some galaxies again; yield those whose image can be used, with its pixels."""
    images = open_images(origin.images(recipe.images.folder), recipe, origin.catalogues)
    for galaxy in read_all(origin.catalogues, recipe.survey):
        if galaxy.id in wanted:
            judged = judge_galaxy(galaxy, read_image(galaxy, images), recipe)
            if judged.frame is not None:
                yield judged, judged.frame
