"""The notebooks run, cell after cell, on a small sky; and what Jupyter opens has their cells."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tools.notebooks import SOURCE, Cell, as_notebook, cells, main

SMALLER = {
    "crop=64, views=2": 'crop=64, views=2, workers=1, set={"max_reject_share": 1, "shards.min_bins": 1}',
    "epochs=20,": 'epochs=1, size=16, batch=16, set={"bootstrap": 20, "log.every": 1},',
}
"""What makes a notebook short: the small sky has many defects and few galaxies."""
PAGES = sorted(SOURCE.glob("*.md"))


def run_cells(page: str) -> dict[str, Any]:
    """Run the cells of a page, without those that need a library that is absent; the names that they leave."""
    for long, short in SMALLER.items():
        page = page.replace(long, short)
    names: dict[str, Any] = {}
    for cell in cells(page):
        if cell.code and not ("needs-torch" in cell.tags and find_spec("torch") is None):
            exec(cell.text, names)  # noqa: S102 -- the notebook's own cells
    return names


@pytest.mark.slow
@pytest.mark.usefixtures("beside_sky")
def test_votes_become_a_judged_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    import matplotlib.pyplot as plt

    names = run_cells((SOURCE / "first.md").read_text())
    assert names["metrics"].split == "test"
    assert len(names["votes"]) > 0
    assert len(plt.get_fignums()) == 3
    plt.close("all")


@pytest.mark.slow
@pytest.mark.usefixtures("beside_sky")
def test_loops_of_other_libraries_learn() -> None:
    names = run_cells((SOURCE / "loops.md").read_text())
    assert len(names["history"].history["val_loss"]) == 2
    assert names["losses"][-1] < names["losses"][0]


def test_cells_are_found_with_their_tags() -> None:
    page = "---\nkernel: x\n---\n\n# Title\n\n```{code-cell} ipython3\n:tags: [needs-torch]\na = 1\n```\n\nEnd\n"
    assert [*cells(page)] == [
        Cell("# Title", code=False),
        Cell("a = 1", code=True, tags=("needs-torch",)),
        Cell("End", code=False),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_jupyter_gets_every_cell(page: Path, tmp_path: Path) -> None:
    main(tmp_path)
    document = json.loads((tmp_path / f"{page.stem}.ipynb").read_text())
    assert document == as_notebook(page.read_text())
    assert sum(cell["cell_type"] == "code" for cell in document["cells"]) == page.read_text().count("{code-cell}")
