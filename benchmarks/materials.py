"""What loaders read: the same galaxies as 424 px frames, as a data set of ours, and as 224 px crops in files.

Real images under as many names as it takes (benchmarks/sky.py), one view each, by the default recipe. A crop file holds
the very bytes of its record.
"""

import subprocess
import sys
from pathlib import Path

from sky import accepted_rows, source_folder, write_sky

from gztrain.data import select
from gztrain.data.dataset import open_dataset
from gztrain.data.fast_parse import split_record
from gztrain.data.shard_files import ShardFiles


def make_materials(folder: Path, galaxies: int) -> int:
    """Make ``sky/`` (frames), ``set/`` (shards) and ``crops/`` (files, in a folder a class); the number of records."""
    source = source_folder(folder)
    sky = write_sky(source, folder / "sky", galaxies, {"train": (1.0, accepted_rows(source))})
    prepare(sky.data, folder / "set", "views.count=0")
    return export_crops(folder / "set", folder / "crops")


def prepare(data: Path, out: Path, *settings: str) -> None:
    """Run gzprep with recipe keys set."""
    pairs = [word for setting in settings for word in ("--set", setting)]
    command = [sys.executable, "-m", "gzprep", "run", "--data", data, "--out", out, "--json", *pairs]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603


def export_crops(dataset: Path, target: Path) -> int:
    """Write the images of view 0 as files, those of smooth galaxies apart from the others."""
    selection = select(open_dataset(dataset))
    for name in ("smooth", "other"):
        (target / name).mkdir(parents=True)
    with ShardFiles(selection) as files:
        for place in range(len(selection)):
            row, image = split_record(files.read(place), files.selection.widths)
            (target / ("smooth" if row.label_report[0] else "other") / f"{row.id}.jpg").write_bytes(image)
    return len(selection)
