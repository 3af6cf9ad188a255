"""The sample sky: a function of seed and index, voted on by the real tree, spoiled where it says, real to look at."""

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import simplejpeg
from numpy.typing import NDArray

from gzcore.errors import GzError, UsageError
from gzprep.simulate import SimulatedSky, simulate
from gzprep.simulate.blemishes import EVERY, KINDS, Blemish, plan
from gzprep.simulate.galaxy import paint_galaxy
from gzprep.simulate.identity import Identity, identify
from gzprep.simulate.population import draw
from gzprep.simulate.render import lupton
from gzprep.simulate.sky import draw_galaxy, picture
from gzprep.simulate.truth import GalaxyTruth, generator
from gzprep.simulate.volunteers import Votes, classify, summary
from tests.gz2 import CATALOGUE_QUESTIONS, QUESTIONS, SCHEMES

GALAXIES = 200
REAL = Path(os.environ.get("GZ_REAL_DATA", "../shared/data")) / "gz2" / "images"

Row = dict[str, Any]


@pytest.fixture(scope="module")
def sky(sample_sky: SimulatedSky) -> SimulatedSky:
    """A sky of 200 galaxies: what `gzprep run` makes when it is given no data."""
    return sample_sky


@pytest.fixture(scope="module")
def rows(sky: SimulatedSky) -> dict[str, Row]:
    """Catalogue rows of both splits by id."""
    return {row["id_str"]: row for split in ("train", "test") for row in _table(sky, f"gz2_{split}_catalog.parquet")}


@pytest.fixture(scope="module")
def truths(sky: SimulatedSky) -> list[Row]:
    return _table(sky, "truth.parquet")


@pytest.fixture(scope="module")
def clean(sky: SimulatedSky, rows: dict[str, Row], truths: list[Row]) -> list[NDArray[np.uint8]]:
    """Images of the galaxies without a planted defect."""
    return [
        simplejpeg.decode_jpeg(_image(sky, rows[row["id_str"]]).read_bytes()) for row in truths if not row["defect"]
    ]


def _table(sky: SimulatedSky, name: str) -> list[Row]:
    rows: list[Row] = pq.read_table(sky.directory / name).to_pylist()
    return rows


def _image(sky: SimulatedSky, row: Row) -> Path:
    return Path(sky.directory, "images", row["subfolder"], row["filename"])


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# Chance


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    simulate(tmp_path / "one", 24, seed=3)
    simulate(tmp_path / "two", 24, seed=3)
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")


def test_another_seed_gives_another_sky(tmp_path: Path) -> None:
    simulate(tmp_path / "one", 3, seed=3)
    simulate(tmp_path / "two", 3, seed=4)
    assert not set(_bytes(tmp_path / "one").values()) & set(_bytes(tmp_path / "two").values())


@pytest.mark.slow
def test_a_galaxy_does_not_depend_on_how_many_there_are(
    sky: SimulatedSky, rows: dict[str, Row], tmp_path: Path
) -> None:
    small = simulate(tmp_path / "small", 30)
    inside = _bytes(sky.directory / "images")
    assert _bytes(small.directory / "images").items() <= inside.items()
    for split in ("train", "test"):
        for row in _table(small, f"gz2_{split}_catalog.parquet"):
            assert repr(row) == repr(rows[row["id_str"]])  # repr: NaN is not equal to itself


# The folder


def test_the_catalogues_have_the_columns_of_galaxy_zoo_2(sky: SimulatedSky) -> None:
    schema = pq.read_schema(sky.directory / "gz2_train_catalog.parquet")
    votes = [column for question in CATALOGUE_QUESTIONS for column in question.columns]
    assert schema.names[:6] == ["id_str", "iauname", "ra", "dec", "subfolder", "filename"]
    assert schema.names[6:36] == votes
    assert schema.names[-1] == "summary"
    assert set(schema.names[36:-1]) == {f"{name}_fraction" for name in votes} | {
        question.total_column for question in CATALOGUE_QUESTIONS
    }
    assert schema == pq.read_schema(sky.directory / "gz2_test_catalog.parquet")


def test_a_fifth_of_the_galaxies_is_for_testing(sky: SimulatedSky, rows: dict[str, Row], truths: list[Row]) -> None:
    assert (sky.train, sky.test) == (160, 40)
    assert len(rows) == GALAXIES == len(truths)
    assert Counter(row["split"] for row in truths) == {"train": 160, "test": 40}
    assert identify(0, 0).split == "train"  # a sky of one galaxy can be trained on


def test_ids_look_like_object_ids_and_are_unique() -> None:
    ids = [identify(7, index).id_str for index in range(5000)]
    assert len(set(ids)) == len(ids)
    assert all(len(name) == 18 and name.startswith(("5877", "5880", "5882", "5888")) for name in ids)


def test_files_lie_where_the_catalogue_says(sky: SimulatedSky, rows: dict[str, Row], truths: list[Row]) -> None:
    missing = {row["id_str"] for row in truths if row["defect"] == "missing_file"}
    for name, row in rows.items():
        assert (row["subfolder"], row["filename"]) == (name[:6], f"{name}.jpg")
        assert _image(sky, row).is_file() == (name not in missing)
    assert sky.bytes == sum(len(content) for content in _bytes(sky.directory / "images").values())
    assert not list(sky.directory.glob(".*")), "a temporary file was left"


def test_iau_names_are_the_position_cut_off() -> None:
    assert Identity("587722", 185.56419, 15.42363, "train").iauname == "J122215.40+152525.0"
    assert Identity("587722", 112.5, -1.9999, "train").iauname == "J073000.00-015959.6"


# Votes


def test_votes_add_up_along_the_tree(rows: dict[str, Row]) -> None:
    names = {question.name: question for question in QUESTIONS}
    for row in rows.values():
        for question in CATALOGUE_QUESTIONS:
            total = row[question.total_column]
            assert total == sum(row[column] for column in question.columns)
            if question.parent is not None:
                asker, answer = question.parent
                assert total == row[f"{names[asker].name}_{answer}"]
        first, odd = CATALOGUE_QUESTIONS[0], CATALOGUE_QUESTIONS[5]
        assert 23 <= row[first.total_column] <= 64
        assert row[odd.total_column] == row[first.total_column] - row[f"{first.name}_artifact"]


def test_fractions_are_votes_over_total_and_unasked_is_nan(rows: dict[str, Row]) -> None:
    unasked = 0
    for row in rows.values():
        for question in CATALOGUE_QUESTIONS:
            total = row[question.total_column]
            fractions = np.array([row[column] for column in question.fraction_columns])
            votes = np.array([row[column] for column in question.columns])
            if total:
                np.testing.assert_allclose(fractions, votes / total)
            else:
                unasked += 1
                assert np.isnan(fractions).all()
    assert unasked > GALAXIES / 4, "many galaxies have questions that no volunteer was asked"


def test_volunteers_recover_the_truth_of_clear_galaxies() -> None:
    right = asked = 0
    for index in range(400):
        truth = draw(1, index)
        votes = classify(truth, 1, index)
        if truth.clarity < 0.6:
            continue
        for question, answer in truth.answers().items():
            given = votes[question]
            if sum(given.values()) >= 10:
                asked += 1
                right += max(given, key=lambda name: given[name]) == answer
    assert asked > 300
    assert right / asked >= 0.9


def test_unclear_galaxies_confuse_volunteers_more() -> None:
    spiral = GalaxyTruth("disc", bulge="obvious", arms=2, winding="medium", pitch=17.0, arm_strength=0.8)
    agreed = []
    for clarity in (0.1, 0.9):
        seen = GalaxyTruth(**{**spiral.__dict__, "clarity": clarity})
        featured = [classify(seen, 0, index)["smooth-or-featured-gz2"] for index in range(20)]
        agreed.append(sum(votes["featured-or-disk"] for votes in featured) / sum(sum(v.values()) for v in featured))
    assert agreed[0] < 0.4
    assert agreed[1] > 0.7


def test_every_label_of_the_largest_scheme_has_a_winner_somewhere() -> None:
    won: Counter[str] = Counter()
    for index in range(GALAXIES):
        votes = classify(draw(0, index), 0, index)
        for question in (QUESTIONS[place] for place in SCHEMES["all"] if place < 10):
            given = votes[question.name]
            if sum(given.values()):
                won[f"{question.name}_{max(given, key=lambda answer: given[answer])}"] += 1
    rare = {"spiral-arm-count-gz2_4", "spiral-arm-count-gz2_more-than-4", "spiral-arm-count-gz2_3"}
    labels = {
        f"{QUESTIONS[place].name}_{used}" for place in SCHEMES["all"] if place < 10 for used in QUESTIONS[place].used
    }
    assert labels - rare <= set(won)


def _votes(**counts: dict[str, int]) -> Votes:
    empty: Votes = {question.name: dict.fromkeys(question.answers, 0) for question in CATALOGUE_QUESTIONS}
    for name, given in counts.items():
        empty[f"{name.replace('_', '-')}-gz2"] |= given
    return empty


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        (_votes(smooth_or_featured={"smooth": 30, "artifact": 5}, how_rounded={"in-between": 30}), "smooth_inbetween"),
        (_votes(smooth_or_featured={"smooth": 20, "featured-or-disk": 20}), None),
        (_votes(smooth_or_featured={"featured-or-disk": 30}, disk_edge_on={"yes": 30}), "edge_on_disk"),
        (
            _votes(
                smooth_or_featured={"featured-or-disk": 30},
                disk_edge_on={"no": 30},
                has_spiral_arms={"yes": 20, "no": 10},
                bar={"yes": 16, "no": 14},
            ),
            "barred_spiral",
        ),
        (
            _votes(smooth_or_featured={"featured-or-disk": 30}, disk_edge_on={"no": 30}, has_spiral_arms={"no": 30}),
            "featured_without_bar_or_spiral",
        ),
    ],
    ids=["smooth", "undecided", "edge-on", "barred", "plain disc"],
)
def test_summary_follows_the_majority(votes: Votes, expected: str | None) -> None:
    assert summary(votes) == expected


# Planted defects


def test_every_kind_is_planted_and_recorded(sky: SimulatedSky, truths: list[Row]) -> None:
    recorded = Counter(row["defect"] for row in truths if row["defect"])
    assert set(recorded) == set(KINDS)
    assert recorded == sky.planted
    assert sum(recorded.values()) == GALAXIES // EVERY
    for row in truths:
        if "line" in row["defect"]:
            place = json.loads(row["geometry"])
            assert np.hypot(place["x1"] - place["x0"], place["y1"] - place["y0"]) >= 40
            assert 1 <= place["width"] <= 60


def test_no_beginning_of_a_sky_is_spoiled_by_more_than_a_tenth() -> None:
    for seed in range(20):
        spoiled = np.cumsum([plan(seed, index) is not None for index in range(400)])
        assert (spoiled <= 0.1 * np.arange(1, 401)).all()


def test_files_are_broken_as_planted(sky: SimulatedSky, rows: dict[str, Row], truths: list[Row]) -> None:
    for row in truths:
        path = _image(sky, rows[row["id_str"]])
        if row["defect"] == "unreadable":
            with pytest.raises(ValueError, match=r"."):
                simplejpeg.decode_jpeg(path.read_bytes())
        elif row["defect"] == "wrong_shape":
            height, width, kind, _ = simplejpeg.decode_jpeg_header(path.read_bytes())
            assert (height, width, kind) != (424, 424, "YCbCr")
        elif row["defect"] != "missing_file":
            assert simplejpeg.decode_jpeg_header(path.read_bytes()) == (424, 424, "YCbCr", "420")


def _spoiled(kind: str, variant: str = "") -> tuple[Blemish, bytes | None]:
    """The first galaxy with that defect, whatever its index."""
    for index in range(EVERY // 2, 8000):
        blemish = plan(0, index)
        if blemish is not None and blemish.kind == kind and variant in ("", blemish.variant):
            return blemish, picture(draw_galaxy(0, index), 0)
    raise AssertionError(f"no {kind} {variant} in 8,000 galaxies")


def _along(blemish: Blemish, frame: NDArray[np.uint8], aside: float) -> NDArray[np.float64]:
    """Pixels beside a planted line, `aside` pixels from it; float64 [n, 3]."""
    place = blemish.geometry
    step = np.linspace(0.1, 0.9, 60)
    dx, dy = place["x1"] - place["x0"], place["y1"] - place["y0"]
    length = np.hypot(dx, dy)
    x = place["x0"] + step * dx - aside * dy / length
    y = place["y0"] + step * dy + aside * dx / length
    inside = (x >= 0) & (x < 424) & (y >= 0) & (y < 424)
    return np.asarray(frame[y[inside].astype(int), x[inside].astype(int)], float)


def test_a_black_line_is_black_where_the_truth_says() -> None:
    blemish, encoded = _spoiled("black_line")
    assert encoded is not None
    frame = simplejpeg.decode_jpeg(encoded)
    assert _along(blemish, frame, 0).mean() < 0.6 * _along(blemish, frame, 6).mean()


@pytest.mark.parametrize(("variant", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_a_trail_has_its_colour_where_the_truth_says(variant: str, channel: int) -> None:
    blemish, encoded = _spoiled("colour_line", variant)
    assert encoded is not None
    colour = np.median(_along(blemish, simplejpeg.decode_jpeg(encoded), 0), axis=0)
    assert colour[channel] > 100
    assert colour[channel] > 2 * max(np.delete(colour, channel))


def test_an_error_image_is_black_below_and_not_above() -> None:
    frame = simplejpeg.decode_jpeg(_spoiled("error_image")[1])
    assert frame[216:].max() <= 2
    assert frame[:208].mean() > 100


def test_glare_floods_the_frame() -> None:
    frame = simplejpeg.decode_jpeg(_spoiled("saturated_background", "flood")[1])
    assert np.median(frame.max(axis=2)) > 40


def test_a_frame_edge_parts_two_levels() -> None:
    blemish, encoded = _spoiled("frame_edge", "level")
    assert encoded is not None
    frame = simplejpeg.decode_jpeg(encoded)
    sides = sorted(float(np.median(_along(blemish, frame, aside))) for aside in (-8, 8))
    assert sides[1] > sides[0] + 8


@pytest.mark.parametrize("variant", ["truncated", "empty", "html", "random"])
def test_every_way_of_being_unreadable_occurs(variant: str) -> None:
    encoded = _spoiled("unreadable", variant)[1]
    assert encoded is not None
    with pytest.raises(ValueError, match=r"."):
        simplejpeg.decode_jpeg(encoded)


def test_a_defect_must_be_one_that_exists() -> None:
    with pytest.raises(ValueError, match="'scratch'"):
        Blemish("scratch")


# Pixels


def test_images_are_424_px_in_three_channels(clean: list[NDArray[np.uint8]]) -> None:
    assert len(clean) == GALAXIES * 19 // 20
    assert {image.shape for image in clean} == {(424, 424, 3)}


@pytest.mark.slow
def test_images_look_like_real_ones_to_a_ruler(sky: SimulatedSky, clean: list[NDArray[np.uint8]]) -> None:
    # Bounds: about the 5th and 95th percentile over 300 real images of what is averaged here.
    measured = [_measure(image) for image in clean]
    bounds = {"background": (3, 9), "grain": (1.5, 4), "grain_length": (0.7, 0.95), "bright": (0.05, 0.15)}
    for name, (low, high) in bounds.items():
        assert low < np.mean([image[name] for image in measured]) < high, name
    sizes = [len(content) for content in _bytes(sky.directory / "images").values() if len(content) > 5000]
    assert 10_000 < np.mean(sizes) < 20_000


def _measure(image: NDArray[np.uint8]) -> dict[str, float]:
    """Sky level; deviation of the quietest patch of it and its correlation over one pixel; share above 8.5 %."""
    grey = image.mean(axis=2)
    patches = [grey[top : top + 32, left : left + 32] for top in (0, 392) for left in range(0, 393, 56)]
    quiet = min(patches, key=np.std)
    quiet = quiet - quiet.mean()
    length = (quiet[:, 1:] * quiet[:, :-1]).mean() / max((quiet**2).mean(), 1e-9)
    return {
        "background": float(np.median(grey)),
        "grain": float(quiet.std()),
        "grain_length": float(length),
        "bright": float((grey > 0.085 * 255).mean()),
        "centre": float(grey[202:222, 202:222].max()),
    }


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="no real Galaxy Zoo 2 images; name a folder by GZ_REAL_DATA")
def test_images_measure_like_the_real_ones(clean: list[NDArray[np.uint8]]) -> None:
    real = [_measure(simplejpeg.decode_jpeg(path.read_bytes())) for path in sorted(REAL.rglob("*.jpg"))[::8]]
    drawn = [_measure(image) for image in clean]
    for name, tolerance in {"background": 2, "grain": 0.8, "grain_length": 0.08, "bright": 0.03, "centre": 25}.items():
        apart = np.median([image[name] for image in drawn]) - np.median([image[name] for image in real])
        assert abs(apart) < tolerance, name


@pytest.mark.slow
def test_the_galaxy_is_in_the_middle(clean: list[NDArray[np.uint8]]) -> None:
    mean = np.mean([image.mean(axis=2) for image in clean], axis=0)
    y, x = np.mgrid[:424, :424]
    weight = mean * (np.hypot(x - 211.5, y - 211.5) < 80)
    assert np.hypot((weight * x).sum() / weight.sum() - 211.5, (weight * y).sum() / weight.sum() - 211.5) < 3


def test_ellipticals_are_redder_than_spirals() -> None:
    def redness(truth: GalaxyTruth) -> float:
        i, _, g = paint_galaxy(truth, 128, generator("test", 0, 0)).sum(axis=(1, 2))
        return float(i / g)

    spiral = GalaxyTruth("disc", bulge="no", arms=2, winding="loose", pitch=30.0, arm_strength=0.9, blueness=0.8)
    assert redness(GalaxyTruth("smooth", roundness="round", sersic=4.0)) > 2 * redness(spiral)


def test_the_shape_is_the_one_drawn() -> None:
    light = paint_galaxy(
        GalaxyTruth("smooth", roundness="cigar", axis_ratio=0.3, angle=0.0), 212, generator("test", 0, 0)
    )[1]
    y, x = np.mgrid[:212, :212] - 105.5
    spread = np.sqrt([(light * y**2).sum(), (light * x**2).sum()])
    assert spread[0] / spread[1] == pytest.approx(0.3, abs=0.05)


def test_the_stretch_is_that_of_lupton() -> None:
    from astropy.visualization import make_lupton_rgb

    from gzprep.simulate.render import GAINS, SKY_LEVEL, SOFTENING, STRETCH

    flux = np.random.default_rng(0).gamma(0.4, 3.0, (3, 40, 40)).astype(np.float32)
    i, r, g = (band * gain + level for band, gain, level in zip(flux, GAINS, SKY_LEVEL, strict=True))
    expected = make_lupton_rgb(i, r, g, stretch=STRETCH, Q=SOFTENING)
    assert np.abs(lupton(flux).astype(int) - expected.astype(int)).max() <= 1


# Faults


def test_a_sky_needs_a_galaxy(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 1 galaxy, not 0"):
        simulate(tmp_path / "sky", 0)
    assert not (tmp_path / "sky").exists()


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(GzError, match="not an empty folder"):
        simulate(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "sky").write_text("")
    with pytest.raises(GzError, match="not an empty folder"):
        simulate(tmp_path / "sky", 1)


def test_a_killed_run_leaves_no_catalogue(tmp_path: Path) -> None:
    seen: list[int] = []

    def stop() -> None:
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "sky", 9, on_galaxy=stop)
    assert len(list((tmp_path / "sky").rglob("*.jpg"))) == 3
    assert not list((tmp_path / "sky").rglob("*.parquet"))


def stopped_after(galaxies: int) -> Callable[[], None]:
    """A function that interrupts the simulation after so many galaxies."""
    calls = iter(range(1, galaxies + 1))

    def stop() -> None:
        if next(calls) == galaxies:
            raise KeyboardInterrupt

    return stop


def test_a_stopped_sky_is_finished_by_the_same_call(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "sky", 9, on_galaxy=stopped_after(3))
    simulate(tmp_path / "sky", 9)
    simulate(tmp_path / "whole", 9)
    assert contents(tmp_path / "sky") == contents(tmp_path / "whole")


@pytest.mark.parametrize(("galaxies", "seed"), [(9, 1), (8, 0)], ids=["another seed", "another number"])
def test_a_stopped_sky_is_not_mixed_with_another(tmp_path: Path, galaxies: int, seed: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "sky", 9, on_galaxy=stopped_after(3))
    before = contents(tmp_path / "sky")
    with pytest.raises(GzError, match="not an empty folder"):
        simulate(tmp_path / "sky", galaxies, seed)
    assert contents(tmp_path / "sky") == before


def test_a_complete_sky_is_not_begun_again(tmp_path: Path) -> None:
    simulate(tmp_path / "sky", 3)
    with pytest.raises(GzError, match="not an empty folder"):
        simulate(tmp_path / "sky", 3)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_truth_is_checked_at_birth() -> None:
    with pytest.raises(ValueError, match="roundness is 'square'"):
        GalaxyTruth("smooth", roundness="square")
    with pytest.raises(ValueError, match=r"axis_ratio is 1\.5"):
        GalaxyTruth("smooth", axis_ratio=1.5)
    with pytest.raises(ValueError, match="winding is ''"):
        GalaxyTruth("disc", arms=2)
