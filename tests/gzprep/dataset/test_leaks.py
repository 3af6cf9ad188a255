"""Leaks: galaxies that share an image or a position across train and test, or across folds."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzprep.dataset.leaks import COLUMNS, EXAMPLES, RADIUS, find_leaks, leak_sentences
from tests.running import SMALL, gzprep, manifest

checked = settings(deadline=None, derandomize=True, max_examples=150)
ARCSEC = 1 / 3600
Row = tuple[int, str | None, float | None, float | None]
"""Fold (-1 in test), image digest, ra and dec."""


def table(rows: list[Row], verdicts: list[str] | None = None) -> pa.Table:
    """A catalogue of galaxies "000", "001", ... in this order."""
    folds, images, ra, dec = zip(*rows, strict=True) if rows else ((), (), (), ())
    ids = [f"{index:03}" for index in range(len(rows))]
    columns = (ids, folds, verdicts or ["accepted"] * len(rows), images, ra, dec)
    arrays = [pa.array(list(values), kind) for values, kind in zip(columns, COLUMNS.types, strict=True)]
    return pa.table(arrays, schema=COLUMNS)


def counts(rows: list[Row], kind: str) -> tuple[int, int]:
    leak = find_leaks(table(rows))[kind]
    return leak["test"], leak["folds"]


# ---------------------------------------------------------------- images

IMAGES: dict[str, tuple[list[tuple[int, str | None]], tuple[int, int]]] = {
    "none": ([], (0, 0)),
    "all different": ([(-1, "a"), (0, "b"), (1, "c")], (0, 0)),
    "test and train": ([(-1, "a"), (0, "a")], (1, 0)),
    "two of test": ([(-1, "a"), (-1, "a"), (0, "b")], (0, 0)),
    "two of test and one of train": ([(-1, "a"), (-1, "a"), (0, "a")], (2, 0)),
    "one fold": ([(2, "a"), (2, "a")], (0, 0)),
    "two folds": ([(2, "a"), (3, "a")], (0, 2)),
    "two of one fold, one of another": ([(2, "a"), (2, "a"), (3, "a")], (0, 3)),
    "everywhere": ([(-1, "a"), (0, "a"), (1, "a")], (1, 2)),
    "no image": ([(-1, None), (0, None), (1, None)], (0, 0)),
}


@pytest.mark.parametrize(("galaxies", "expected"), IMAGES.values(), ids=IMAGES)
def test_same_images(galaxies: list[tuple[int, str | None]], expected: tuple[int, int]) -> None:
    assert counts([(fold, image, None, None) for fold, image in galaxies], "same_image") == expected


@pytest.mark.slow
@checked
@given(st.lists(st.tuples(st.integers(-1, 4), st.sampled_from([None, *"abcdef"])), max_size=14))
def test_same_images_are_those_of_all_pairs(galaxies: list[tuple[int, str | None]]) -> None:
    test = sum(
        fold == -1 and any(other >= 0 and image is not None and image == same for other, same in galaxies)
        for fold, image in galaxies
    )
    folds = sum(
        fold >= 0 and any(other not in (-1, fold) and image is not None and image == same for other, same in galaxies)
        for fold, image in galaxies
    )
    assert counts([(fold, image, None, None) for fold, image in galaxies], "same_image") == (test, folds)


# ---------------------------------------------------------------- positions

AWAY, NEAR = (RADIUS + 0.001) * ARCSEC, (RADIUS - 0.001) * ARCSEC
POSITIONS: dict[str, tuple[tuple[float, float], tuple[float, float], int]] = {
    "the same": ((184.5, -3.0), (184.5, -3.0), 1),
    "2 arcsec of declination": ((184.5, 10.0), (184.5, 10.0 + RADIUS * ARCSEC), 1),
    "a little less": ((184.5, 10.0), (184.5, 10.0 + NEAR), 1),
    "a little more": ((184.5, 10.0), (184.5, 10.0 + AWAY), 0),
    "right ascension is shorter at 60 degrees": ((10.0, 60.0), (10.0 + 2 * NEAR, 60.0), 1),
    "and not that short": ((10.0, 60.0), (10.0 + 2 * AWAY, 60.0), 0),
    "across 0 and 360": ((359.9999, 0.0), (0.0001, 0.0), 1),
    "0 and 360": ((0.0, 5.0), (360.0, 5.0), 1),
    "negative right ascension": ((-0.0001, 5.0), (359.9999, 5.0), 1),
    "the north pole, from two sides": ((0.0, 90 - NEAR / 2), (180.0, 90 - NEAR / 2), 1),
    "the south pole, from two sides": ((10.0, -90 + AWAY / 2), (190.0, -90 + AWAY / 2), 0),
    "the pole itself": ((12.0, -90.0), (240.0, -90.0), 1),
    "no declination": ((12.0, math.nan), (12.0, math.nan), 0),
    "a declination of -9999": ((-9999.0, -9999.0), (-9999.0, -9999.0), 0),
    "infinite": ((math.inf, 0.0), (math.inf, 0.0), 0),
}


@pytest.mark.parametrize(("first", "second", "expected"), POSITIONS.values(), ids=POSITIONS)
@pytest.mark.parametrize("fold", [-1, 3], ids=["test and train", "two folds"])
def test_same_positions(first: tuple[float, float], second: tuple[float, float], expected: int, fold: int) -> None:
    leaks = counts([(0, None, *first), (fold, None, *second), (1, None, 90.0, 45.0)], "same_position")
    assert leaks == ((expected, 0) if fold == -1 else (0, 2 * expected))


def separation(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Arcseconds between two positions (haversine)."""
    (ra1, dec1), (ra2, dec2) = (map(math.radians, position) for position in (first, second))
    h = math.sin((dec2 - dec1) / 2) ** 2 + math.cos(dec1) * math.cos(dec2) * math.sin((ra2 - ra1) / 2) ** 2
    return math.degrees(2 * math.asin(min(1, math.sqrt(h)))) * 3600


CENTRES = st.sampled_from([(0.0, 0.0), (184.5, 62.0), (359.9999, -45.0), (77.0, 89.9999), (5.0, -89.9995)])
OFFSETS = st.tuples(st.floats(-4, 4), st.floats(-4, 4))


@pytest.mark.slow
@checked
@given(CENTRES, st.lists(st.tuples(st.integers(-1, 2), OFFSETS), max_size=12))
def test_same_positions_are_those_of_all_pairs(
    centre: tuple[float, float], galaxies: list[tuple[int, tuple[float, float]]]
) -> None:
    places = [
        (
            centre[0] + dx * ARCSEC / max(math.cos(math.radians(centre[1])), 1e-3),
            min(max(centre[1] + dy * ARCSEC, -90), 90),
        )
        for _, (dx, dy) in galaxies
    ]
    folds = [fold for fold, _ in galaxies]
    pairs = [(a, b) for a in range(len(places)) for b in range(len(places)) if a != b]
    distances = {(a, b): separation(places[a], places[b]) for a, b in pairs}
    if any(abs(distance - RADIUS) < 1e-6 for distance in distances.values()):
        return
    near = [(a, b) for (a, b), distance in distances.items() if distance < RADIUS]
    test = {a for a, b in near if folds[a] == -1 != folds[b]}
    across = {a for a, b in near if -1 not in (folds[a], folds[b]) and folds[a] != folds[b]}
    rows: list[Row] = [(fold, None, *place) for fold, place in zip(folds, places, strict=True)]
    assert counts(rows, "same_position") == (len(test), len(across))


def test_many_galaxies_in_one_place_are_counted() -> None:
    rows: list[Row] = [(index % 5, None, 0.0, 0.0) for index in range(5000)] + [(-1, None, 0.0, 0.0)] * 1000
    assert counts(rows, "same_position") == (1000, 5000)


def test_a_dense_field_is_counted() -> None:
    offsets = np.random.default_rng(1).uniform(0, ARCSEC / 2, (6000, 2))
    rows: list[Row] = [(index % 6 - 1, None, 10 + x, y) for index, (x, y) in enumerate(offsets)]
    assert counts(rows, "same_position") == (1000, 5000)


# ---------------------------------------------------------------- what is told


def test_rejected_galaxies_are_in_no_shard() -> None:
    rows: list[Row] = [(-1, "a", 1.0, 1.0), (0, "a", 1.0, 1.0)]
    leaks = find_leaks(table(rows, ["accepted", "rejected"]))
    assert (leaks["galaxies"], leaks["same_image"]["test"], leaks["same_position"]["test"]) == (1, 0, 0)


def test_examples_are_pairs_of_ids_each_once_and_few() -> None:
    rows: list[Row] = [(fold, f"{pair}", None, None) for pair in range(20) for fold in (0, 1)]
    leak = find_leaks(table(rows))["same_image"]
    assert leak["folds"] == 40
    assert leak["examples"] == [[f"{2 * pair:03}", f"{2 * pair + 1:03}"] for pair in range(EXAMPLES)]


def test_the_order_of_rows_changes_nothing() -> None:
    rows: list[Row] = [(index % 6 - 1, f"{index // 3}", index // 4 * 1.0, 0.0) for index in range(60)]
    forward = table(rows)
    assert find_leaks(forward) == find_leaks(forward.take(list(range(60))[::-1]))


def told(rows: list[Row]) -> str:
    return " ".join(leak_sentences(find_leaks(table(rows))))


TOLD: dict[str, tuple[list[Row], str]] = {
    "nothing": ([(-1, "a", 1.0, 1.0), (0, "b", 2.0, 2.0)], "No galaxy is in train and in test, or in two folds"),
    "an image": (
        [(-1, "a", 1.0, 1.0), (0, "a", 2.0, 2.0)],
        "Of the test galaxies, 1 share the same image file with a training galaxy. For example: 000 and 001.",
    ),
    "a position": (
        [(1, "a", 1.0, 1.0), (0, "b", 1.0, 1.0)],
        "Of the training galaxies, 2 share a position at most 2 arcsec away with a galaxy of another fold.",
    ),
    "no positions": (
        [(1, "a", None, None), (0, "b", None, None)],
        "Positions of 2 of 2 galaxies are not known and were not compared.",
    ),
    "no images": ([(1, None, 1.0, 2.0)], "Images of 1 of 1 galaxies are not known and were not compared."),
}


@pytest.mark.parametrize(("rows", "sentence"), TOLD.values(), ids=TOLD)
def test_what_a_person_reads(rows: list[Row], sentence: str) -> None:
    assert sentence in told(rows)


# ---------------------------------------------------------------- whole commands


def share_an_image(sky: Path) -> None:
    """Give the first test galaxy the image of the last training galaxy."""
    ids = {
        split: pq.read_table(sky / f"gz2_{split}_catalog.parquet", columns=["id_str"])["id_str"].to_pylist()
        for split in ("train", "test")
    }
    source, target = (sky / "images" / name[:6] / f"{name}.jpg" for name in (ids["train"][-1], ids["test"][0]))
    shutil.copy(source, target)


def share_a_position(sky: Path) -> None:
    train, test = (pq.read_table(sky / f"gz2_{split}_catalog.parquet") for split in ("train", "test"))
    for name in ("ra", "dec"):
        values: list[Any] = test[name].to_pylist()
        values[0] = train[name][len(train) - 1].as_py()
        test = test.set_column(test.schema.get_field_index(name), name, pa.array(values, test.schema.field(name).type))
    pq.write_table(test, sky / "gz2_test_catalog.parquet")


SHARED = {"image": ("same_image", share_an_image), "position": ("same_position", share_a_position)}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "change"), SHARED.values(), ids=SHARED)
def test_run_and_verify_tell_it(sky_copy: Path, tmp_path: Path, kind: str, change: Callable[[Path], object]) -> None:
    change(sky_copy)
    out = tmp_path / "out"
    made = gzprep("run", "--data", sky_copy, "--out", out, *SMALL)
    assert made.code == 0, made.err
    assert manifest(out)["leaks"][kind]["test"] == 1
    sentence = f"Of the test galaxies, 1 share {'the same image' if kind == 'same_image' else 'a position'}"
    assert sentence in made.out
    verified = gzprep("verify", out)
    assert verified.code == 0
    assert sentence in verified.out
    assert any(sentence in line for line in gzprep("verify", out, "--json").json["leaks"])


def test_a_catalogue_of_an_older_version_is_compared_by_position_alone(dataset: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    rows = pq.read_table(out / "catalogue.parquet").drop_columns("image_digest")
    pq.write_table(rows, out / "catalogue.parquet")
    result = gzprep("verify", out)
    assert result.code == 0
    assert "Images of 38 of 38 galaxies are not known" in result.out
