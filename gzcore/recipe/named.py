"""The recipes that come with a package: TOML files in its folder ``recipes``, found by name."""

import re
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from gzcore.errors import UsageError
from gzcore.storage.places import Place, as_place

_NAME = re.compile(r"[A-Za-z0-9_-]+")


def recipes_of(package: str) -> dict[str, Path]:
    """The recipes of a package, by name and in the order of their names."""
    folder = Path(str(files(package))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find_recipe(package: str, wanted: str) -> Place:
    """Find what ``--recipe`` was given: a word is the name of a recipe of the package; anything else is a file.

    Args:
        package: such as ``gzprep``.
        wanted: ``gz2-vit``, ``./my.toml``, ``gs://bucket/my.toml``.

    Raises:
        UsageError: it is a word, and neither a recipe nor a file has that name.
    """
    known = recipes_of(package)
    if wanted in known:
        return known[wanted]
    if _NAME.fullmatch(wanted) and not Path(wanted).exists():
        near = get_close_matches(wanted, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"There is no recipe {wanted!r}; {hint}{package} has {', '.join(known)}. Or name a file, such as ./my.toml."
        )
    return as_place(wanted)


def purpose(recipe: Path) -> str:
    """What a recipe is for: its first line, which is a comment."""
    with recipe.open(encoding="utf-8") as lines:
        return next(lines).removeprefix("#").strip()
