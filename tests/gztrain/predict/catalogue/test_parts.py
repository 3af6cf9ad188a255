"""Parts of a catalogue: in their order, made once, one asked for ahead; and what happens if one cannot be made."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.errors import GzError
from gztrain.predict.catalogue.parts import Made, Part, make_parts, open_part
from gztrain.predict.catalogue.rows import Look, Read, RowMaker
from gztrain.predict.crops import Crop


class Paths:
    """Makes rows of the paths of images, without a network; keeps how many images each look had."""

    def __init__(self) -> None:
        self.looks: list[int] = []

    def read(self, images: Sequence[Path | None]) -> Iterator[Read]:
        return iter([Read(Crop(path or Path(), None, str(path)), None) for path in images])

    def look(self, batch: Sequence[Read]) -> Look:
        self.looks.append(len(batch))
        return Look([(False, None, crop.reason) for crop, _ in batch], [], [])

    def rows(self, ids: Sequence[str], source: pa.Table, looks: Sequence[Look]) -> pa.Table:
        if "bad" in ids:
            raise GzError("This part cannot be made.")
        reasons = [reason for look in looks for _, _, reason in look.crops]
        return pa.table({"id": ids, "reason": reasons, "kept": source["kept"]})


def parts_of(folder: Path, sizes: Sequence[int], *, bad: int | None = None) -> Iterator[Part]:
    """Parts of so many rows; an id of one of them may be ``bad``."""
    for number, size in enumerate(sizes):
        ids = [f"{number}-{row}" for row in range(size)]
        if number == bad:
            ids[0] = "bad"
        source = pa.table({"kept": list(range(size))})
        yield open_part(folder / f"part-{number}.parquet", "settings", ids, source, [None] * size)


def made(parts: Iterator[Part], advanced: list[int]) -> tuple[list[Made], list[int]]:
    """All parts, and how many images each look had."""
    maker = Paths()
    return list(make_parts(cast("RowMaker", maker), parts, advanced.append)), maker.looks


@pytest.mark.parametrize("sizes", [[1], [64], [65], [130, 130, 1], [64, 128, 3, 200, 64]])
def test_every_row_is_there_once_and_in_its_place(tmp_path: Path, sizes: list[int]) -> None:
    advanced: list[int] = []
    found, looks = made(parts_of(tmp_path, sizes), advanced)
    assert [len(one.rows) for one in found] == sizes
    assert sum(advanced) == sum(looks) == sum(sizes)
    assert max(looks) <= 64
    for number, one in enumerate(found):
        assert one.rows["id"].to_pylist() == [f"{number}-{row}" for row in range(sizes[number])]
        assert pq.read_table(one.path).equals(one.rows)
        assert not one.before


@pytest.mark.parametrize("lost", [[0], [1], [2], [0, 2], [0, 1, 2], []])
def test_parts_that_are_there_are_not_made_again(tmp_path: Path, lost: list[int]) -> None:
    sizes = [70, 3, 130]
    first, _ = made(parts_of(tmp_path, sizes), [])
    for number in lost:
        first[number].path.unlink()
    advanced: list[int] = []
    again, looks = made(parts_of(tmp_path, sizes), advanced)
    assert [one.before for one in again] == [number not in lost for number in range(3)]
    assert sum(looks) == sum(sizes[number] for number in lost)
    assert sum(advanced) == sum(sizes)
    assert [one.rows for one in again] == [one.rows for one in first]


def test_a_part_made_of_something_else_is_made_again(tmp_path: Path) -> None:
    made(parts_of(tmp_path, [5, 5]), [])
    other = (
        open_part(part.path, "other settings", part.ids, part.source, part.images) for part in parts_of(tmp_path, [5])
    )
    (again,), _ = made(other, [])
    assert not again.before


def test_what_fails_comes_out_and_the_parts_before_it_are_kept(tmp_path: Path) -> None:
    with pytest.raises(GzError, match="This part cannot be made"):
        made(parts_of(tmp_path, [70, 3, 130, 4], bad=2), [])
    kept = [path.name for path in sorted(tmp_path.iterdir()) if path.suffix == ".parquet"]
    assert kept[:2] == ["part-0.parquet", "part-1.parquet"]
    assert "part-2.parquet" not in kept


def test_parts_are_asked_for_only_a_little_ahead(tmp_path: Path) -> None:
    """However long the catalogue is, memory holds a few parts."""
    asked, ahead = 0, []

    def counted() -> Iterator[Part]:
        nonlocal asked
        for part in parts_of(tmp_path, [3] * 20):
            asked += 1
            yield part

    maker: Any = Paths()
    for done, _ in enumerate(make_parts(maker, counted(), lambda _: None)):
        ahead.append(asked - done)
    assert max(ahead) <= 5
