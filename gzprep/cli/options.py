"""Options of gzprep that several commands share or that ``gzprep run`` has; and the command line of gzprep."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from gzcore.cli import make_app
from gzcore.storage.options import AnyPlace, place
from gzprep.catalogue.galaxy import Split

app = make_app(
    "gzprep",
    {
        "make a data set": ("run", "recipes", "surveys", "schemes", "fetch", "simulate", "merge"),
        "look at a data set": ("verify", "preview", "report", "diff", "inspect", "views"),
        "give it to others": ("convert", "push"),
        "prepare Google Cloud": ("template",),
    },
)
_RECIPE, _ENGINE = "Keys of the recipe", "Where it runs"

Dataset = Annotated[
    AnyPlace, typer.Argument(parser=place, metavar="OUT", help="A dataset folder that `gzprep run` made.")
]
RecipeName = Annotated[
    str | None,
    typer.Option("--recipe", metavar="NAME|FILE", help="A recipe, such as gz2-vit (see `gzprep recipes`), or a file."),
]
SurveyName = Annotated[
    str | None,
    typer.Option(
        "--survey",
        metavar="NAME|FILE",
        help="What volunteers were asked: a survey, such as gz2, or a TOML file. [gz2]",
        rich_help_panel=_RECIPE,
    ),
]
_COLUMNS = "Columns of your own catalogue"
OwnLabels = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="COLUMN[,COLUMN]",
        help="Columns of 0/1, fractions, classes or votes, in place of a survey; or the word none.",
        rich_help_panel=_COLUMNS,
    ),
]
IdColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column of ids. [id_str, or one like it]", rich_help_panel=_COLUMNS),
]
PathColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column of paths of images. [filename, or file_loc]", rich_help_panel=_COLUMNS),
]
BeamOptions = Annotated[
    list[str] | None, typer.Argument(metavar="-- BEAM OPTIONS", help="Options of Beam itself, behind a lone --.")
]
Data = Annotated[
    AnyPlace | None, typer.Option(parser=place, help="Folder with catalogues and images. [the sample sky]")
]
Out = Annotated[AnyPlace, typer.Option(parser=place, help="Dataset folder to make.")]
DEFAULT_OUT = Path("gz2-shards")
Runner = Annotated[str, typer.Option(help="Engine; DirectRunner is this machine.", rich_help_panel=_ENGINE)]
ViewCount = Annotated[int | None, typer.Option(help="Views of each training galaxy.", rich_help_panel=_RECIPE)]
Crop = Annotated[int | None, typer.Option(help="Width and height of the crop, px.", rich_help_panel=_RECIPE)]
Seed = Annotated[int | None, typer.Option(help="Seed of the views.", rich_help_panel=_RECIPE)]
Limit = Annotated[
    int | None, typer.Option(help="Take this many galaxies, chosen by their ids.", rich_help_panel=_RECIPE)
]
GroupBy = Annotated[
    Literal["galaxy", "duplicates"] | None,
    typer.Option(
        help="Keep in one fold: a galaxy [the default], or duplicates: same image, or at most 2 arcsec apart.",
        rich_help_panel=_RECIPE,
    ),
]
Catalogue = Annotated[AnyPlace | None, typer.Option(parser=place, help="One catalogue, in place of those in --data.")]
ImagesAt = Annotated[
    AnyPlace | None,
    typer.Option("--images", parser=place, help="Image folder, parquet or tar, if not in --data (docs/images.md)."),
]
CatalogueSplit = Annotated[Split, typer.Option(help="The split of the galaxies in --catalogue.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Worker processes. [one per core]", rich_help_panel=_ENGINE)]
FleetFile = Annotated[
    AnyPlace | None,
    typer.Option(parser=place, help="TOML file of worker options for Dataflow.", rich_help_panel=_ENGINE),
]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Send the job to Dataflow and return.", rich_help_panel=_ENGINE)
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be made, and how long it takes.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a data set of another recipe.")]
