"""The command that shows the operations of augmented views."""

import sys
from typing import Annotated

import typer

from gzcore.cli import AsJson, Settings, print_json
from gzprep.cli import options as given


@given.app.command()
def views(
    recipe: given.RecipeName = None,
    crop: given.Crop = None,
    settings: Settings = None,
    *,
    yaml: Annotated[
        bool, typer.Option("--yaml", help="Print them as a pipeline of albumentations, to change and use.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the operations that make the augmented views of a recipe, with their ranges."""
    from gzprep.prepare.chosen_recipe import choose_recipe

    chosen = choose_recipe(recipe, settings or [], crop__size=crop)
    if not yaml and not as_json and chosen.views.pipeline is None:
        from gzprep.cli.show import show_operations

        show_operations(chosen.views)
        return
    from gzprep.images.as_pipeline import as_yaml, built_in_pipeline, notes_on

    own = chosen.views.pipeline
    document = built_in_pipeline(chosen.views, chosen.crop.size) if own is None else own
    if as_json:
        print_json(document)
    else:
        sys.stdout.write(as_yaml(document, notes_on(chosen.views) if own is None else ()))
