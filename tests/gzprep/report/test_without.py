"""Data sets without labels, and with labels but without votes: no empty plot, and a sentence for what is not there."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.console.stages import silent
from gzcore.console.theme import style
from gzprep.report import _lead, _sections
from gzprep.report.about_catalogue import catalogue_section
from gzprep.report.about_labels import labels_section
from gzprep.report.about_one_galaxy import one_galaxy_section
from gzprep.report.figure import Figure, Section
from gzprep.report.study import study

NEVER = ("votes", "fig-16", "fig-17", "min-votes", "votes-behind-labels")


def changed(dataset: Path, out: Path, change: Callable[[str, np.ndarray], np.ndarray], **survey: object) -> Path:
    """A copy of a data set whose votes and labels are others; those of records stay."""
    shutil.copytree(dataset, out)
    table = pq.read_table(out / "catalogue.parquet")
    for place, entry in enumerate(table.schema):
        if entry.type == pa.float64() and "gz2" in entry.name:
            values = change(entry.name, table[entry.name].to_numpy())
            table = table.set_column(place, entry, pa.array(values, pa.float64()))
        elif entry.name in ("label_asked", "label_report", "mask"):
            vectors = change(entry.name, np.stack(table[entry.name].to_pylist()))
            table = table.set_column(place, entry, pa.array(vectors.astype(np.int8).tolist(), entry.type))
    pq.write_table(table, out / "catalogue.parquet")
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    manifest["survey"] |= survey
    (out / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return out


def nothing(name: str, values: np.ndarray) -> np.ndarray:
    return np.zeros_like(values) if name in ("label_asked", "label_report", "mask") else np.full_like(values, np.nan)


def sure(name: str, values: np.ndarray) -> np.ndarray:
    """Fractions of 0 and 1, and no numbers of votes."""
    if not name.endswith("_fraction"):
        return values if name in ("label_asked", "label_report", "mask") else np.full_like(values, np.nan)
    return np.where(np.isnan(values), np.nan, (values > 0.5).astype(float))


def figures(sections: list[Section]) -> dict[str, Figure]:
    return {figure.id: figure for section in sections for figure in section.figures}


def words(sections: list[Section]) -> str:
    leads = [section.lead for section in sections]
    return " ".join([*leads, *(figure.sentence for figure in figures(sections).values())])


def test_a_data_set_without_labels(dataset: Path, tmp_path: Path) -> None:
    known = study(changed(dataset, tmp_path / "out", nothing, own_labels=True))
    sections = _sections(known, silent)
    assert [section.id for section in sections] == ["catalogue", "images", "folder"]
    assert set(figures(sections)) >= {"galaxies", "fig-22", "fig-25", "shards"}
    assert not set(figures(sections)) & {*NEVER, "tree", "fig-15", "fig-18", "fig-19", "drift", "together", "fig-28"}
    assert "nan" not in words(sections)
    assert "simulated" in _lead(known)
    known.document["source"]["kind"] = "galaxy_zoo_2"
    assert _lead(known).startswith("Galaxies without labels: nothing is shown of votes")


@pytest.mark.slow
def test_labels_without_votes(dataset: Path, tmp_path: Path) -> None:
    known = study(changed(dataset, tmp_path / "out", sure, own_labels=True))
    with style():
        built = [build(known) for build in (catalogue_section, labels_section, one_galaxy_section)]
    sections = [section for section in built if section is not None]
    assert set(figures(sections)) == {"tree", "galaxies", "fig-15", "fig-16", "label-rates", "fig-28"}
    assert "nan" not in words(sections)
    assert "The catalogue has no votes" in words(sections)
    assert "volunteers" not in figures(sections)["fig-15"].title.lower()
