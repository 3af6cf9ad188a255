"""What differs between two data sets, one difference at a time."""

import json
import shutil
from pathlib import Path

import pytest

from tests.running import SMALL, gzprep

pytestmark = pytest.mark.slow

CHANGES = {
    "quality": (("--set", "crop.quality=70"), {"keys of the recipe": 1, "images of train": -1, "images of test": -1}),
    "seed of the views": (("--set", "seed=7"), {"keys of the recipe": 1, "images of train_views": -1}),
    "least votes": (("--set", "labels.min_votes=30"), {"keys of the recipe": 1, "galaxies with another": -1}),
    "fewer galaxies": (("--limit", "20"), {"keys of the recipe": 1, "galaxies only in the first": 20}),
    "folds": (("--set", "split_seed=9"), {"keys of the recipe": 1, "galaxies in another fold": -1}),
}


@pytest.mark.parametrize(("arguments", "expected"), CHANGES.values(), ids=CHANGES)
def test_each_change_is_named(
    small_sky: Path, dataset: Path, tmp_path: Path, arguments: tuple[str, ...], expected: dict[str, int]
) -> None:
    """A number of -1 stands for any."""
    other = tmp_path / "other"
    made = gzprep("run", "--data", small_sky, "--out", other, *SMALL, *arguments)
    assert made.code == 0, made.err
    result = gzprep("diff", dataset, other, "--json")
    assert result.code == 1
    told = {difference["kind"]: difference for difference in json.loads(result.out)["differences"]}
    for kind, count in expected.items():
        numbers = [entry["count"] for name, entry in told.items() if name.startswith(kind)]
        assert numbers, (kind, told)
        assert count in (-1, *numbers)
    assert all(entry["examples"] for entry in told.values())
    if "images of train" not in expected:
        assert "images of train" not in told, "view 0 is the same"


def test_a_copy_is_the_same(dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset, tmp_path / "copy")
    result = gzprep("diff", dataset, tmp_path / "copy")
    assert result.code == 0
    assert "hold the same data, made in the same way" in result.out


def test_what_is_no_data_set_is_refused(dataset: Path, tmp_path: Path) -> None:
    result = gzprep("diff", dataset, tmp_path)
    assert result.code == 1
    assert "manifest.json" in result.sentence
