"""What the README and the page on data sets promise can be done as it stands there."""

import re
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.gz2 import FEATURES
from tests.running import ROOT, SMALL, gzprep, gztrain
from tools.wheel_check import commands

README = (ROOT / "README.md").read_text()
FOLDER = (ROOT / "docs/reference/dataset.md").read_text()


EAGER = pytest.mark.filterwarnings("ignore:Even though the .*run_functions_eagerly:UserWarning")


OTHERS = ("torch", "grain")
"""Libraries whose examples run where they are installed: in `make test-formats`."""


def run_example(page: str) -> dict[str, Any]:
    """Run the Python examples of a page, one after the other; the names that they leave."""
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        needed = [name for name in OTHERS if f"import {name}\n" in code]
        if all(map(find_spec, needed)):
            exec(code, names)  # noqa: S102 -- the page's own example
    return names


def python_page() -> str:
    """The page on Python, for the small sky: gzprep.run would find other options."""
    page = (ROOT / "docs/howto/python.md").read_text()
    return page.replace('gzprep.run(out="gz2-shards")', "assert callable(gzprep.run)")


def on_small_sky(words: list[str]) -> list[str]:
    """A command of the README, where the sample sky of its galaxy is not there."""
    known = pq.read_table("gz2-shards/catalogue.parquet", columns=["id_str"])["id_str"][-1].as_py()
    shown = [known if before == "--id" else word for before, word in pairwise(["", *words])]
    return [*shown, *(SMALL if words[:2] == ["gzprep", "run"] else ())]


def run_commands(*, reports: bool) -> None:
    """Run the README's commands, with its reports or without, in this process."""
    for words in commands(README):
        if reports or words[1] != "report":
            package, *others = on_small_sky(words)
            done = {"gzprep": gzprep, "gztrain": gztrain}[package](*others)
            assert done.code == 0, (words, done.err)


@pytest.mark.slow
@EAGER
@pytest.mark.usefixtures("lean_training")
def test_the_commands_of_the_readme_run(beside_sky: Path) -> None:
    run_commands(reports=False)
    assert (beside_sky / "galaxy.png").is_file()
    assert (beside_sky / "votes.parquet").is_file()


@pytest.mark.thorough
@EAGER
@pytest.mark.usefixtures("lean_training")
def test_the_commands_of_the_readme_run_with_its_reports(beside_sky: Path) -> None:
    run_commands(reports=True)
    assert (beside_sky / "gz2-report" / "index.html").is_file()
    assert (beside_sky / "first-report" / "report.html").is_file()


@pytest.mark.slow
@EAGER
@pytest.mark.usefixtures("beside_sky", "lean_training")
def test_the_readme_trains_and_classifies(small_sky: Path) -> None:
    names = run_example(README)
    comment = re.search(r"# arrays: (.*)", README)
    assert comment is not None
    assert set(names["batch"]) == set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", comment[1])))
    assert len(names["votes"]) == sum(path.is_file() for path in (small_sky / "images").rglob("*"))


@pytest.mark.slow
@EAGER
@pytest.mark.usefixtures("beside_sky", "lean_training")
def test_the_page_on_python_runs() -> None:
    """On the small sky, for the sample sky takes longer: gzprep.run finds it made."""
    names = run_example(python_page())
    assert len(names["probabilities"]) == len(names["batch"]["id"])
    assert names["known"].keys() == set(names["train"].label_names)
    assert set(names["fitted"].history) == {"loss", "val_loss"}
    assert bool((names["weights"] != 0).any())
    assert len(names["Diary"].losses) == 1


@pytest.mark.usefixtures("beside_sky")
def test_a_few_lines_of_tf_data_read_a_folder() -> None:
    names = run_example(FOLDER)
    batch = next(iter(names["galaxies"]))
    assert batch["image"].shape[1:] == (64, 64, 3)
    assert batch["label_asked"].shape[1:] == batch["mask"].shape[1:] == (22,)


def test_every_feature_is_in_the_table() -> None:
    for feature in FEATURES:
        assert f"`{feature.name}`" in FOLDER


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
