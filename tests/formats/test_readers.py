"""Converted folders, opened by the readers of their own communities in an environment of their own: make test-formats.

Every image's bytes and every label are compared with the shards; samples a second are printed beside ours.
"""

import hashlib
import json
import math
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

import gztrain
from gzcore.dataset.example import Record
from gzprep.dataset.read import open_folder, read_record, read_shard, shard_paths, widths_of
from tests.running import ROOT, SMALL, gzprep

READER = Path(__file__).parent / "readers.py"
FORMS = ("parquet", "webdataset", "array_record")
Json = dict[str, Any]


@pytest.fixture(scope="module")
def galaxies(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of the 750 real galaxies with votes where they are there, else of the small sky."""
    data = Path(os.environ.get("GZ_REAL_DATA", ROOT.parent / "shared" / "data")) / "gz2"
    if not data.is_dir():
        small: Path = request.getfixturevalue("dataset")
        return small
    out = tmp_path_factory.mktemp("galaxies") / "out"
    made = gzprep("run", "--data", data, "--out", out, *SMALL)
    assert made.code == 0, made.err
    return out


@pytest.fixture(scope="module", params=FORMS)
def seen(
    request: pytest.FixtureRequest, galaxies: Path, reader_python: Path, tmp_path_factory: Any
) -> tuple[str, Json]:
    """What the reader of a format sees in the converted galaxies."""
    form = str(request.param)
    out = tmp_path_factory.mktemp("formats") / form
    made = gzprep("convert", galaxies, out, "--to", form, "--views")
    assert made.code == 0, made.err
    settings = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
    call = [reader_python, READER, form, out]
    done = subprocess.run(call, capture_output=True, text=True, check=False, env=settings)
    assert done.returncode == 0, done.stderr
    return form, json.loads(done.stdout.splitlines()[-1])


def test_every_image_and_label_comes_back(seen: tuple[str, Json], galaxies: Path) -> None:
    form, said = seen
    folder, manifest = open_folder(galaxies)
    for split in ("train", "train_views", "test"):
        data = [record for path in shard_paths(folder, manifest, [split]) for record in read_shard(path)]
        expected: list[Any] = [hashlib.sha256(record).hexdigest() for record in data]
        if form != "array_record":
            expected = [_told(read_record(record, widths_of(manifest)), manifest["labels"]) for record in data]
        assert said["records"][split] == expected
    assert set(said["records"]) == {"train", "train_views", "test"}


def _told(record: Record, labels: Json) -> Json:
    """A record as readers.py tells it; float32 numbers as JSON reads them back: to seven digits."""
    places = {name: place for place, name in enumerate(labels["names"])}
    known = record.mask.tolist()
    return {
        "id": record.id,
        "fold": record.fold,
        "view": record.view,
        "image": hashlib.sha256(record.image).hexdigest(),
        "classes": [_class(question, places, record) for question in labels["questions"]],
        "labels": [label if it else None for label, it in zip(record.label_asked.tolist(), known, strict=True)],
        "report": record.label_report.tolist(),
        "fractions": [_number(value) for value in record.fraction.tolist()],
        "votes": [_number(value) for value in record.votes.tolist()],
    }


def _class(question: Json, places: dict[str, int], record: Record) -> str | None:
    at = [places[f"{question['name']}_{answer}"] for answer in question["used"]]
    if not record.mask[at[0]]:
        return None
    chosen = [answer for answer, place in zip(question["used"], at, strict=True) if record.label_asked[place]]
    return str(chosen[0] if chosen else question["twin"])


def _number(value: float) -> Any:
    return None if math.isnan(value) else pytest.approx(value, rel=1e-7)


def test_samples_a_second_stand_beside_ours(
    seen: tuple[str, Json], galaxies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures to read, not to judge: a few galaxies on a machine that may do other things."""
    form, said = seen
    batches = gztrain.open_dataset(galaxies).select("train")
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < 2:
        count += sum(len(batch["image"]) for batch in batches.batches(64))
    ours = count / (time.perf_counter() - began)
    with capsys.disabled():
        print(f"\n{form}: {said['rate']:,.0f} samples/s; gztrain from the shards: {ours:,.0f} samples/s")  # noqa: T201
    assert said["rate"] > 0
