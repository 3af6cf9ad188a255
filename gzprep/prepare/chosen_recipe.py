"""The recipe that a command or a call names, with what is set over it."""

from collections.abc import Iterable

from gzcore.recipe.named import find_recipe
from gzprep.config import Recipe, read_recipe


def choose_recipe(wanted: str | None, settings: Iterable[str], **options: int | str | None) -> Recipe:
    """The recipe of a command: one by its name or file, with ``KEY=VALUE`` pairs and options set over it.

    Raises:
        UsageError: there is no such recipe or key, or a value does not fit.
    """
    path = None if wanted is None else find_recipe("gzprep", wanted)
    pairs = [f"{key.replace('__', '.')}={value}" for key, value in options.items() if value is not None]
    return read_recipe(path, [*settings, *pairs])
