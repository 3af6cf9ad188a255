"""Run folders that were changed by mistake or to do harm: the commands that open them refuse them in one sentence."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.gztrain.run_folders import told_run
from tests.hostile.checks import Edit, check_refused, contents, drop, edited, put
from tests.running import gztrain


@pytest.fixture(scope="module")
def told(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with predictions and figures, quickly made."""
    return told_run(tmp_path_factory.mktemp("told") / "run", dataset).root


SCHEME = ("scheme", "questions", 0)
CONFIGS: dict[str, Edit] = {
    "a list": lambda _: [1],
    "format null": put(None, "format"),
    "format 99": put(99, "format"),
    "format text": put("1", "format"),
    "no data set": drop("dataset"),
    "data set null": put(None, "dataset"),
    "path of a data set that is a number": put(7, "dataset", "path"),
    "path with a NUL": put("a\0b", "dataset", "path"),
    "crop -3": put(-3, "dataset", "crop"),
    "crop 10^9": put(10**9, "dataset", "crop"),
    "crop text": put("64", "dataset", "crop"),
    "hash that is a list": put([], "dataset", "recipe_hash"),
    "scheme null": put(None, "scheme"),
    "scheme without questions": put([], "scheme", "questions"),
    "questions of text": put("all", "scheme", "questions"),
    "names that are null": put(None, "scheme", "names"),
    "more places than labels": put([0] * 500, "scheme", "places"),
    "place -1": put(-1, "scheme", "places", 0),
    "place 2^70": put(2**70, "scheme", "places", 0),
    "fraction places of text": put(["a"], "scheme", "fraction_places"),
    "a question without a name": drop(*SCHEME, "name"),
    "a parent of one": put(["a"], *SCHEME, "parent"),
    "backend null": put(None, "backend"),
    "config null": put(None, "config"),
    "config with a key too many": put(1, "config", "more"),
    "config with a rate of text": put("fast", "config", "optimizer", "rate"),
    "counts of another policy": put({"all": {}}, "label_counts"),
    "counts that are negative": put({"asked": {"galaxies": -1, "answered": [], "positives": []}}, "label_counts"),
    "counts of another width": put({"asked": {"galaxies": 9, "answered": [1], "positives": [1]}}, "label_counts"),
}
RAW = {
    "empty": b"",
    "nested 100,000 deep": b"[" * 100_000,
    "not UTF-8": b"\xff\xfe",
    "NaN": b'{"format": NaN}',
    "a key twice": b'{"format": 1, "format": 1}',
}


@pytest.mark.parametrize("name", CONFIGS)
def test_an_edited_config_is_refused(name: str, told: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(told, tmp_path / "run"))
    edited(run / "config.json", CONFIGS[name])
    before = contents(tmp_path)
    check_refused(gztrain("evaluate", run))
    check_refused(gztrain("report", run, "--html", run.parent / "page.html"))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("file", ["config.json", "metrics.json"])
@pytest.mark.parametrize("name", RAW)
def test_a_document_that_is_none_is_refused(name: str, file: str, told: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(told, tmp_path / "run"))
    (run / file).write_bytes(RAW[name])
    check_refused(gztrain("report", run, "--html", run.parent / "page.html"), f"{file} is damaged")


METRICS: dict[str, Edit] = {
    "a list": lambda _: [1],
    "splits null": put(None, "splits"),
    "splits as a list": put([], "splits"),
    "a split that is null": put(None, "splits", "test"),
    "galaxies -1": put(-1, "splits", "test", "galaxies"),
    "galaxies text": put("8", "splits", "test", "galaxies"),
    "no baselines": drop("splits", "test", "baselines"),
    "baselines null": put(None, "splits", "test", "baselines"),
    "labels as a list": put([], "splits", "test", "per_label"),
    "no verdict": drop("splits", "test", "verdict"),
    "intervals null": put(None, "splits", "test", "intervals"),
}


@pytest.mark.parametrize("name", METRICS)
def test_edited_metrics_are_refused(name: str, told: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(told, tmp_path / "run"))
    edited(run / "metrics.json", METRICS[name])
    check_refused(gztrain("report", run, "--html", run.parent / "page.html"), "metrics.json is damaged")


HISTORIES: dict[str, bytes] = {
    "not UTF-8": b"\xff\xfe\x00",
    "a NUL": b"stage,epoch,step,loss\n\0,1,1,1\n",
    "other columns": b"a,b\n1,2\n",
    "a field too many": b"stage,epoch,step,loss\nwhole,1,1,1,1,1\n",
    "a field too few": b"stage,epoch,step,loss\nwhole,1\n",
    "a step of text": b"stage,epoch,step,loss\nwhole,1,one,1\n",
    "a step of 1e999": b"stage,epoch,step,loss\nwhole,1,1e999,1\n",
    "a field of 200 kB": b"stage,epoch,step,loss\n" + b"a" * 200_000 + b",1,1,1\n",
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_damaged_history_is_refused(name: str, told: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(told, tmp_path / "run"))
    (run / "history.csv").write_bytes(HISTORIES[name])
    check_refused(gztrain("report", run, "--html", run.parent / "page.html"), "history.csv cannot be read")


def table(rows: int, width: int = 8, **columns: pa.Array) -> pa.Table:
    """Predictions that have the right columns, but for those that are given."""
    ones = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(rows * width, np.int8)), width)
    chances = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(rows * width, np.float32)), width)
    whole = {"id": pa.array(map(str, range(rows))), "probabilities": chances, "labels": ones, "mask": ones} | columns
    return pa.table(whole, metadata={b"labels": b'["a","b","c","d","e","f","g","h"]'})


PREDICTIONS: dict[str, Callable[[], pa.Table] | bytes] = {
    "empty": b"",
    "no parquet": b"PAR1 but not really PAR1",
    "no names": lambda: table(3).replace_schema_metadata(None),
    "names that are not JSON": lambda: table(3).replace_schema_metadata({b"labels": b"a, b"}),
    "names nested without end": lambda: table(3).replace_schema_metadata({b"labels": b"[" * 100_000}),
    "names of numbers": lambda: table(3).replace_schema_metadata({b"labels": b"[1,2,3,4,5,6,7,8]"}),
    "another number of names": lambda: table(3).replace_schema_metadata({b"labels": b'["a"]'}),
    "ids of numbers": lambda: table(3, id=pa.array([1, 2, 3])),
    "ids that are null": lambda: table(3, id=pa.array([None, "b", "c"], pa.string())),
    "an id twice": lambda: table(3, id=pa.array(["a", "a", "c"])),
    "probabilities of text": lambda: table(3, probabilities=pa.array(["a", "b", "c"])),
    "probabilities that are null": lambda: table(3, probabilities=pa.nulls(3, pa.list_(pa.float32(), 8))),
    "probabilities of NaN": lambda: table(
        3, probabilities=pa.FixedSizeListArray.from_arrays(pa.array(np.full(24, np.nan, np.float32)), 8)
    ),
    "probabilities of 2": lambda: table(
        3, probabilities=pa.FixedSizeListArray.from_arrays(pa.array(np.full(24, 2, np.float32)), 8)
    ),
    "labels of 7": lambda: table(3, labels=pa.FixedSizeListArray.from_arrays(pa.array(np.full(24, 7, np.int8)), 8)),
    "other labels than the run's": lambda: table(3),
    "a million rows in a few bytes": lambda: table(1_000_000, id=pa.array(["a"] * 1_000_000)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PREDICTIONS)
def test_damaged_predictions_are_refused(name: str, told: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(told, tmp_path / "run"))
    made = PREDICTIONS[name]
    for path in run.glob("predictions*.parquet"):
        path.write_bytes(made) if isinstance(made, bytes) else pq.write_table(made(), path)
    check_refused(gztrain("report", run, "--html", run.parent / "page.html"))


@pytest.mark.slow
def test_a_sound_run_is_reported(told: Path, tmp_path: Path) -> None:
    """Without a change the same command works: the refusals above are for the change alone."""
    assert gztrain("report", told, "--html", tmp_path / "page.html").code == 0
