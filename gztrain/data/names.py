"""The ids that one galaxy has in several data sets: ``gzprep merge --prefix`` puts the survey before them."""

from pathlib import Path

from gzcore.dataset.layout import MERGED
from gztrain.data.dataset import Dataset

_FIRST = {"name": "gz2"}
"""The survey of manifests that name none: old versions knew Galaxy Zoo 2 alone."""
_AGAIN = f"{MERGED}_"
"""The survey of a joined folder, as it stands before ids."""


def names_of(galaxy: str, dataset: Dataset) -> frozenset[str]:
    """The ids that a galaxy of a data set may have in others, each as :func:`joined_once` gives it."""
    survey = (dataset.manifest.get("survey") or _FIRST)["name"]
    own = (galaxy.removeprefix(prefix) for prefix in prefixes_of(dataset))
    return frozenset(map(joined_once, (galaxy, f"{survey}_{galaxy}", *own)))


def names_of_file(path: str, prefixes: frozenset[str]) -> frozenset[str]:
    """The ids that the galaxy in an image file may have: the file's name, also with one of some prefixes before it."""
    name = Path(path).stem
    return frozenset(map(joined_once, (name, *(prefix + name for prefix in prefixes))))


def prefixes_of(dataset: Dataset) -> frozenset[str]:
    """What stands before ids of a folder that was joined; nothing for other folders."""
    inputs = (dataset.manifest.get("source") or {}).get("inputs") or ()
    return frozenset(entry.get("prefix", "") for entry in inputs)


def joined_once(galaxy: str) -> str:
    """An id without what was put before it when a joined folder was joined again, since that may happen many times."""
    while galaxy.startswith(_AGAIN):
        galaxy = galaxy.removeprefix(_AGAIN)
    return galaxy
