"""The commands that give a data set to other communities: other formats, and the Hugging Face hub."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from gzcore.cli import AsJson, print_json
from gzcore.storage.options import AnyPlace, path, place
from gzprep.cli import options as given


@given.app.command()
def convert(
    out: given.Dataset,
    new: Annotated[AnyPlace, typer.Argument(parser=place, metavar="NEW", help="Folder to make.")],
    to: Annotated[
        Literal["parquet", "webdataset", "array_record"],
        typer.Option(help="For Hugging Face datasets, for webdataset, or for Grain."),
    ],
    split: Annotated[Literal["train", "test"] | None, typer.Option(help="Take this split alone. [both]")] = None,
    workers: given.Workers = None,
    *,
    views: Annotated[bool, typer.Option("--views", help="Take the augmented views of training galaxies, too.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what was converted from another data set.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a data set in the format of another community, one file a shard; an interrupted call goes on."""
    from gzcore.console import show_line
    from gzprep.tools.convert.folder import convert as make
    from gzprep.tools.convert.folder import sentence
    from gzprep.tools.convert.plan import Request

    made = make(out, new, Request(to, split, views), workers, overwrite=overwrite)
    print_json({"out": str(new), **asdict(made)}) if as_json else show_line(sentence(made, new))


@given.app.command()
def push(
    out: Annotated[Path, typer.Argument(parser=path, metavar="OUT", help="A folder of `gzprep convert` or `run`.")],
    address: Annotated[str, typer.Argument(metavar="hf://USER/NAME", help="Where it goes on the Hugging Face hub.")],
    *,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository that only you can see.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a folder that gzprep made to the Hugging Face hub, by the token of HF_TOKEN or of `hf auth login`.

    Shards of an earlier data set at the address are removed.
    """
    from gzcore.console import show_line
    from gzprep.tools.push import push as send

    sent = send(out, address, private=private)
    if as_json:
        print_json(asdict(sent))
    else:
        show_line(sent.sentence)
