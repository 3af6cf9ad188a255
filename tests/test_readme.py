"""What the README and the page on data sets promise can be done as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.gz2 import FEATURES
from tests.running import ROOT

README = (ROOT / "README.md").read_text()
FOLDER = (ROOT / "docs/reference/dataset.md").read_text()


def run_example(page: str, cwd: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the Python examples of a page, one after the other, in a folder; the names that they leave."""
    code = "".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    monkeypatch.chdir(cwd)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 -- the page's own example
    return names


@pytest.mark.slow
def test_the_readme_trains_and_classifies(
    dataset: Path, small_sky: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gz2-shards").symlink_to(dataset)
    (tmp_path / "gz2-sky").symlink_to(small_sky)
    names = run_example(README, tmp_path, monkeypatch)
    comment = re.search(r"# arrays: (.*)", README)
    assert comment is not None
    assert set(names["batch"]) == set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", comment[1])))
    assert len(names["votes"]) == sum(path.is_file() for path in (small_sky / "images").rglob("*"))


@pytest.mark.slow
def test_the_page_on_python_runs(
    dataset: Path, small_sky: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On the small sky, for the sample sky takes longer: gzprep.run finds it made."""
    (tmp_path / "gz2-shards").symlink_to(dataset)
    (tmp_path / "gz2-sky").symlink_to(small_sky)
    page = (ROOT / "docs/howto/python.md").read_text()
    names = run_example(
        page.replace('gzprep.run(out="gz2-shards")', "assert callable(gzprep.run)"), tmp_path, monkeypatch
    )
    assert len(names["probabilities"]) == len(names["batch"]["id"])
    assert names["known"].keys() == set(names["train"].label_names)


def test_a_few_lines_of_tf_data_read_a_folder(dataset: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gz2-shards").symlink_to(dataset)
    names = run_example(FOLDER, tmp_path, monkeypatch)
    batch = next(iter(names["galaxies"]))
    assert batch["image"].shape[1:] == (64, 64, 3)
    assert batch["label_asked"].shape[1:] == batch["mask"].shape[1:] == (22,)


def test_every_feature_is_in_the_table() -> None:
    for feature in FEATURES:
        assert f"`{feature.name}`" in FOLDER


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
