"""Catalogues of other surveys and of a user's own labels, with small images: made in a moment."""

import csv
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.running import ROOT

SIDE = 48
"""Height and width of the images, px."""
QUICK = (
    *("--crop", "32", "--views", "1", "--set", f"images.frame={SIDE}", "--set", "shards.min_bins=1"),
    *(f"--set=defects.{name}.policy=off" for name in ("black_line", "colour_line", "frame_edge")),
    *("--set", "defects.error_image.policy=off", "--set", "defects.saturated_background.policy=off"),
    *("--workers", "1"),
)
"""Options of a data set of these images, which are noise: no detector looks at them."""
TRAINED = (
    *("--size", "16", "--batch", "8", "--epochs", "1", "--fine-tune-epochs", "0"),
    *("--set", "log.every=1", "--set", "bootstrap=0"),
)
"""Options of a run that takes a second or two."""


def write_images(folder: Path, names: Sequence[str]) -> None:
    """Write an image of noise under each name."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        pixels = np.random.default_rng(seed).integers(20, 235, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(folder / name)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write a catalogue as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def as_written(row: str) -> list[str]:
    """The words of the command that docs/your-galaxies.md has for a kind of catalogue, without ``gzprep``.

    Args:
        row: a part of the line of its table.
    """
    lines = (ROOT / "docs" / "your-galaxies.md").read_text(encoding="utf-8").splitlines()
    commands = [found[1] for line in lines if row in line and (found := re.search(r"`gzprep ([^`]+)`", line))]
    assert len(commands) == 1, (row, commands)
    return shlex.split(commands[0])
