"""``gzprep.inspect``: what the detectors find, from a program or a notebook."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from gzcore.console.call import public
from gzcore.console.given import path_text, path_texts
from gzcore.recipe.overlay import as_pairs
from gzcore.storage.places import as_place, local

Named = str | os.PathLike[str]
"""A path of this machine, or an address in a bucket."""


@public("gzprep.inspect")
def inspect(
    paths: Named | Iterable[Named],
    *,
    recipe: Named | None = None,
    set: Mapping[str, Any] | Iterable[str] = (),  # noqa: A002 -- as on the command line
    html: Named | None = None,
) -> list[dict[str, Any]]:
    """Score images with every detector.

    Args:
        paths: an image, a folder, which is searched with its folders, or a data set; or several.
        recipe: whose thresholds to use; None: those of the data set, or the defaults.
        set: values of any keys of the recipe.
        html: folder of a page to judge the findings by eye; None: no page.

    Returns:
        A dict an image: ``path``; ``verdict``: ok, flagged or rejected; ``defects``: a list; ``scores``: a number for
        each detector; ``detail``: why, in words, if there is more to say. ``pandas.DataFrame`` makes a table of them.

    Raises:
        GzError: there is nothing of that name, or no image in a folder.
    """
    from gzprep.prepare.chosen_recipe import choose_recipe
    from gzprep.tools.defect_page import empty_sheets, watch, write_review
    from gzprep.tools.defect_scan import inspect as look_at
    from gzprep.tools.defect_scan import is_dataset, recipe_of

    places, pairs = [as_place(path) for path in path_texts("paths", paths)], as_pairs(set)
    own = recipe is None and not pairs and len(places) == 1 and is_dataset(places[0])
    rules = (
        recipe_of(places[0]) if own else choose_recipe(None if recipe is None else path_text("recipe", recipe), pairs)
    )
    sheets = empty_sheets(rules.defects)
    found = [one.as_json() for one in watch(look_at(places, rules), sheets)]
    if html is not None:
        write_review(sheets, local(as_place(path_text("html", html))), rules)
    return found
