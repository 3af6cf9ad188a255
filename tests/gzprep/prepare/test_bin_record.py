"""What is noted of a bin: there and back, and nothing but a whole note is believed."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzprep.catalogue.galaxy import Split
from gzprep.dataset.folder import Folder
from gzprep.dataset.shards import Bin
from gzprep.prepare.bin_record import (
    BinRecord,
    FinishedBin,
    ShardInfo,
    column_sums,
    read_finished,
    tally,
    write_finished,
)
from tests.gz2 import SCHEMA

BIN = Bin(Split.TRAIN, 3, 5)
RECORD = BinRecord(
    bin=BIN,
    recipe_hash="a" * 64,
    record_hash="b" * 64,
    inputs="c" * 64,
    data="0e",
    galaxies=4,
    accepted=2,
    rejected={"missing_file": 1, "unreadable": 1},
    flagged={"frame_edge": 1},
    inpainted={},
    shards=(ShardInfo("gz2-train.tfrecord-00003-of-00005", "train", 3, 3, 2, 900, "d" * 64),),
    labels={"answered": [2] * 22, "asked": [1] * 22, "report": [0] * 22},
)
ROWS = pa.Table.from_pylist(
    [
        {"id_str": "1", "verdict": "accepted"},
        {"id_str": "2", "verdict": "rejected", "stage": "read", "reason": "missing_file", "detail": "gone"},
    ],
    SCHEMA,
)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "out")
    made.prepare()
    return made


def test_text_and_back() -> None:
    assert BinRecord.from_json(RECORD.to_json()) == RECORD
    assert json.loads(RECORD.to_json())["bin"] == "train-00003-of-00005"


def test_file_and_back(folder: Folder) -> None:
    write_finished(folder, FinishedBin(RECORD, ROWS))
    finished = read_finished(folder, BIN, SCHEMA)
    assert finished is not None
    assert finished.record == RECORD
    assert finished.table.to_pylist() == ROWS.to_pylist()
    first, second = finished.rejections
    assert first is None
    assert (second.stage, second.reason, second.detail) == ("read", "missing_file", "gone")  # type: ignore[union-attr]


def metadata(text: str) -> Callable[[Path], object]:
    return lambda path: pq.write_table(ROWS.replace_schema_metadata({"gzprep": text}), path)


BAD: dict[str, Callable[[Path], object]] = {
    "absent": lambda _: None,
    "empty": lambda path: path.write_bytes(b""),
    "no parquet": lambda path: path.write_bytes(b"PAR1"),
    "without a record": lambda path: pq.write_table(ROWS, path),
    "other columns": lambda path: pq.write_table(pa.table({"id_str": ["1"]}), path),
    "no JSON": metadata("{"),
    "a list": metadata("[]"),
    "no shards": metadata("{}"),
    "a bin of no name": metadata(json.dumps(json.loads(RECORD.to_json()) | {"bin": "train"})),
    "a bin beyond the last": metadata(json.dumps(json.loads(RECORD.to_json()) | {"bin": "train-00005-of-00005"})),
}


@pytest.mark.parametrize("name", BAD)
def test_a_note_that_cannot_be_read_is_none(name: str, folder: Folder) -> None:
    BAD[name](Path(str(folder.bin_record(BIN.name))))
    assert read_finished(folder, BIN, SCHEMA) is None


def test_counts() -> None:
    assert tally(["b", "a", "b"]) == {"a": 1, "b": 2}
    assert list(tally(["b", "a"])) == ["a", "b"]
    assert column_sums([[1] * 22, [2] * 22], 22) == [3] * 22
    assert column_sums([], 22) == [0] * 22
