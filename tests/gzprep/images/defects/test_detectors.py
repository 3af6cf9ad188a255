"""The detectors find drawn defects, turned images keep their verdicts, and every alarm on a real image was reviewed.

reviewed_defects.csv holds what a person saw in the real images that a detector, or the baseline, has marked.
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.images import Pixels, UnreadableImage, decode
from gzprep.catalogue.galaxy import DefectLine
from gzprep.config import Defects
from gzprep.images.defects import DETECTORS, fill_lines, find
from gzprep.images.defects.rays import DEEPEST, ROWS, Fan, Sums, most_along_rays, ray_sums
from gzprep.images.defects.trace import least_so_far

REVIEWED = Path(__file__).parent / "reviewed_defects.csv"
THRESHOLDS = {name: getattr(Defects(), name).threshold for name in DETECTORS}
DROPPING = ("error_image", "black_line", "colour_line")
TURNS: tuple[Callable[[Pixels], Pixels], ...] = (
    *(lambda image, k=k: np.rot90(image, k) for k in (1, 2, 3)),
    *(lambda image, k=k: np.rot90(image[::-1], k) for k in (0, 1, 2, 3)),
)
Scores = dict[str, dict[str, float]]


def score(image: Pixels, name: str) -> float:
    return find(image, [name])[name].score


# anything


@st.composite
def images(draw: st.DrawFn) -> Pixels:
    """Grey or in colour, of any size and kind: even, noisy, with steps, lines and spots."""
    side = st.integers(64, 200)
    shape = (draw(side), draw(side), *draw(st.sampled_from(((), (1,), (3,), (4,)))))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    level, noise = draw(st.integers(0, 255)), draw(st.sampled_from((0, 3, 40, 300)))
    image = np.clip(level + rng.normal(0, noise, shape), 0, 255).astype(np.uint8)
    for _ in range(draw(st.integers(0, 4))):
        rows, columns = (slice(*sorted(rng.integers(0, length, 2).tolist())) for length in shape[:2])
        image[rows, columns] = rng.integers(0, 256, shape[2:])
    return image


@given(images())
@settings(max_examples=150, deadline=None)
def test_any_image_gets_finite_scores_and_is_left_unchanged(image: Pixels) -> None:
    before = image.copy()
    findings = find(image)
    assert set(findings) == set(DETECTORS)
    for finding in findings.values():
        assert np.isfinite(finding.score)
        assert finding.score >= 0
        if finding.line is not None:
            ends = np.array(((finding.line.x0, finding.line.y0), (finding.line.x1, finding.line.y1)))
            assert (ends >= -2).all()
            assert (ends <= np.array(image.shape[1::-1]) + 1).all()
    assert np.array_equal(image, before)


@pytest.mark.slow
@given(images())
@settings(max_examples=50, deadline=None)
def test_a_turned_image_keeps_its_verdicts_whatever_it_is(image: Pixels) -> None:
    scores = {name: finding.score for name, finding in find(image).items()}
    for turn in TURNS:
        turned = find(np.ascontiguousarray(turn(image)))
        for name, threshold in THRESHOLDS.items():
            same = (turned[name].score >= threshold) == (scores[name] >= threshold)
            assert same or abs(scores[name] / threshold - 1) <= 0.05, (name, scores[name], turned[name].score)


@pytest.mark.parametrize("level", [0, 1, 254, 255])
@pytest.mark.parametrize("shape", [(64, 64), (64, 65, 3), (424, 424, 4), (200, 64, 1)], ids=str)
def test_an_even_image_has_no_line_and_no_edge(shape: tuple[int, ...], level: int) -> None:
    findings = find(np.full(shape, level, np.uint8))
    assert {name: finding.score for name, finding in findings.items() if name != "error_image"} == dict.fromkeys(
        ("black_line", "colour_line", "saturated_background", "frame_edge"), 0.0
    )


# rays


@st.composite
def planes(draw: st.DrawFn) -> Pixels:
    """Of any size, full or with few levels that are not 0."""
    shape = draw(st.tuples(st.integers(8, 70), st.integers(8, 70)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kept = rng.random(shape) < draw(st.sampled_from((0.02, 0.5, 1.0)))
    return (rng.integers(0, DEEPEST + 1, shape) * kept).astype(np.uint8)


MARGIN = 3


def _middle(sums: Sums) -> Sums:
    return sums[:, MARGIN : sums.shape[1] - MARGIN]


def _shift(slope: int, row: int, rows: int = ROWS) -> int:
    """How far to the right of its start a ray is in a row."""
    if rows == 1:
        return 0
    lower = row >= rows // 2
    return _shift(slope // 2, row % (rows // 2), rows // 2) + lower * ((slope + 1) // 2)


def _sums_of_a_turn(plane: Pixels, phases: int) -> np.ndarray:
    """[slopes, strips of both phases, columns]: pixel by pixel."""
    height, width = plane.shape
    padded = np.pad(plane, ((0, 0), (MARGIN, MARGIN + ROWS)), mode="edge").astype(int)
    starts = range(0, height - ROWS + 1, ROWS // phases)
    columns = np.arange(width + 2 * MARGIN)
    rays = [
        [sum(padded[start + row, columns + _shift(slope, row)] for row in range(ROWS)) for start in starts]
        for slope in range(ROWS)
    ]
    return np.array(rays).reshape(ROWS, len(starts), len(columns))


def _turn_of_a_fan(fan: Fan, turn: int, like: np.ndarray) -> np.ndarray:
    _, phases, values = fan.sums.shape
    whole = np.zeros((ROWS, phases, 4 * fan.strips * fan.stride), np.uint8)
    whole[..., :values] = fan.sums
    strips = whole.reshape(ROWS, phases, 4, fan.strips, fan.stride)[:, :, turn].swapaxes(1, 2)
    return strips.reshape(ROWS, -1, fan.stride)[:, : like.shape[1], : like.shape[2]]


@given(planes(), st.sampled_from((1, 2)))
@settings(max_examples=25, deadline=None)
def test_a_fan_has_the_sums_along_all_rays(plane: Pixels, phases: Literal[1, 2]) -> None:
    fan = ray_sums(plane, MARGIN, phases)
    for turn, turned in enumerate((plane, plane[:, ::-1], plane.T, plane.T[:, ::-1])):
        expected = _sums_of_a_turn(turned, phases)
        assert np.array_equal(_turn_of_a_fan(fan, turn, expected), expected)


@given(planes())
@settings(max_examples=100, deadline=None)
def test_no_ray_exceeds_the_most_along_rays(plane: Pixels) -> None:
    assert ray_sums(plane, MARGIN, 2).strongest(_middle, most_along_rays(plane) + 1, 1) == []


@given(planes(), st.integers(1, ROWS * DEEPEST))
@settings(max_examples=100, deadline=None)
def test_weak_rays_are_left_out_and_nothing_else_changes(plane: Pixels, least: int) -> None:
    fan = ray_sums(plane, MARGIN, 2)
    strong = [ray for ray in fan.strongest(_middle, 1, 3) if ray.strength >= least]
    assert fan.strongest(_middle, least, 3) == strong


@given(st.integers(1, 70), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_the_least_so_far_is_a_running_minimum(rows: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(0, 1, (rows, 3)).astype(np.float32)
    assert np.array_equal(least_so_far(values), np.minimum.accumulate(values, axis=0))


# drawn defects


@pytest.fixture(scope="module")
def frames(small_sky: Path) -> list[Pixels]:
    """Simulated galaxies in which no detector finds a defect."""
    paths = sorted((small_sky / "images").rglob("*.jpg"))
    decoded = [image for image in map(_decoded, paths) if image is not None and image.shape == (424, 424, 4)]
    sound = [image for image in decoded if not any(_verdicts(image).values())]
    assert len(sound) >= 10
    return sound[:10]


def _decoded(path: Path) -> Pixels | None:
    try:
        return decode(path.read_bytes(), "RGBA")
    except UnreadableImage:
        return None


def _verdicts(image: Pixels) -> dict[str, bool]:
    return {name: finding.score >= THRESHOLDS[name] for name, finding in find(image).items()}


def through_jpeg(rgb: Pixels) -> Pixels:
    return decode(bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(rgb[..., :3]), 75, "RGB", "420")), "RGBA")


def with_black_line(frame: Pixels, width: int = 1) -> Pixels:
    """On a sky of 60 grey levels, from (150, 80) to (290, 330)."""
    lighter = np.maximum(frame[..., :3], 60)
    cv2.line(lighter, (150, 80), (290, 330), (0, 0, 0), width, cv2.LINE_8)
    return through_jpeg(lighter)


def with_trail(frame: Pixels, colour: tuple[int, int, int], width: int, end: tuple[int, int] = (420, 300)) -> Pixels:
    """From the left border to an end."""
    drawn = np.zeros((424, 424, 3), np.uint8)
    cv2.line(drawn, (0, 100), end, colour, width)
    return through_jpeg(np.maximum(frame[..., :3], cv2.GaussianBlur(drawn, (0, 0), 1.2)))


def with_edge(frame: Pixels, step: int) -> Pixels:
    """A sky so much brighter above a slanted border."""
    y, x = np.mgrid[:424, :424]
    light = np.where(y < 90 + 0.2 * x, step, 0)[..., None] * np.array((1.0, 0.5, 0.3))
    return through_jpeg(np.clip(frame[..., :3] + light, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_black_line_is_found_and_located(frames: list[Pixels], width: int) -> None:
    for frame in frames:
        finding = find(with_black_line(frame, width), ["black_line"])["black_line"]
        assert finding.score >= 2 * THRESHOLDS["black_line"]
        assert finding.line is not None
        ends = np.array((finding.line.x0, finding.line.y0, finding.line.x1, finding.line.y1))
        assert np.abs(ends - (150, 80, 290, 330)).max() <= 6
        assert abs(finding.line.width - width) <= 1.5


@pytest.mark.parametrize("turn", range(len(TURNS)))
def test_where_a_line_lies_turns_with_the_image(frames: list[Pixels], turn: int) -> None:
    image = with_black_line(frames[0])
    drawn = np.zeros((424, 424), np.uint8)
    cv2.line(drawn, (150, 80), (290, 330), 255, 7)
    mask = TURNS[turn](drawn)
    line = find(np.ascontiguousarray(TURNS[turn](image)), ["black_line"])["black_line"].line
    assert line is not None
    assert all(mask[round(y), round(x)] for x, y in ((line.x0, line.y0), (line.x1, line.y1)))


@pytest.mark.parametrize("width", [4, 12, 40, 60])
@pytest.mark.parametrize("colour", [(220, 10, 10), (5, 200, 5), (20, 20, 230)])
def test_a_trail_is_found(frames: list[Pixels], colour: tuple[int, int, int], width: int) -> None:
    for frame in frames[:4]:
        finding = find(with_trail(frame, colour, width), ["colour_line"])["colour_line"]
        assert finding.score >= THRESHOLDS["colour_line"]
        assert finding.line is not None
        assert finding.line.length > 200


def test_a_trail_that_ends_in_the_frame_is_found(frames: list[Pixels]) -> None:
    assert all(score(with_trail(frame, (220, 10, 10), 8, (200, 190)), "colour_line") >= 40 for frame in frames)


def test_a_white_line_has_no_colour(frames: list[Pixels]) -> None:
    assert all(score(with_trail(frame, (230, 230, 230), 8), "colour_line") < 40 for frame in frames)


def test_an_edge_between_two_exposures_is_found(frames: list[Pixels]) -> None:
    assert all(score(with_edge(frame, 100), "frame_edge") >= THRESHOLDS["frame_edge"] for frame in frames)


def test_light_of_a_colour_all_over_is_found(frames: list[Pixels]) -> None:
    glow = np.array((90, 30, 10))
    flooded = [through_jpeg(np.clip(frame[..., :3] + glow, 0, 255).astype(np.uint8)) for frame in frames]
    assert all(score(image, "saturated_background") > 0.7 for image in flooded)


def test_a_grey_image_has_no_colours(frames: list[Pixels]) -> None:
    grey = cv2.cvtColor(with_trail(frames[0], (220, 10, 10), 20), cv2.COLOR_RGBA2GRAY)
    assert score(np.asarray(grey), "colour_line") == score(np.asarray(grey), "saturated_background") == 0.0


def test_a_filled_line_is_not_found_again(frames: list[Pixels]) -> None:
    image = with_black_line(frames[0])
    line = find(image, ["black_line"])["black_line"].line
    assert line is not None
    filled = fill_lines(image, [line])
    assert score(filled, "black_line") < THRESHOLDS["black_line"]
    changed = (filled != image).any(axis=2)
    assert 0 < changed.mean() < 0.02


def test_filling_leaves_other_pixels_alone() -> None:
    image = np.full((80, 90, 3), 50, np.uint8)
    image[40, 20:70] = 0
    filled = fill_lines(image, [DefectLine(20, 40, 69, 40, 1)])
    assert np.abs(filled.astype(int) - 50).max() <= 3
    assert (np.delete(filled, slice(37, 44), axis=0) == 50).all()
    assert (image[40, 20:70] == 0).all()


# real defects


def reviewed() -> Iterator[dict[str, str]]:
    with REVIEWED.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def having(detector: str, verdict: str) -> set[str]:
    return {row["id"] for row in reviewed() if (row["detector"], row["verdict"]) == (detector, verdict)}


def test_the_list_of_verdicts_is_well_formed() -> None:
    rows = list(reviewed())
    assert {row["detector"] for row in rows} <= set(DETECTORS)
    assert {row["verdict"] for row in rows} == {"true", "false", "unsure"}
    assert len({(row["id"], row["detector"]) for row in rows}) == len(rows)


@pytest.fixture(scope="module")
def scores(real_data: Path) -> Scores:
    """Scores of all real images, by detector and id."""
    found = {path.stem: find(decode(path.read_bytes(), "RGBA")) for path in sorted(real_data.rglob("*.jpg"))}
    return {name: {id_: findings[name].score for id_, findings in found.items()} for name in DETECTORS}


def alarms(scores: Scores, name: str) -> set[str]:
    return {id_ for id_, value in scores[name].items() if value >= THRESHOLDS[name]}


def listed(real_data: Path, words: str) -> set[str]:
    with (real_data / "defects" / "defects.csv").open(encoding="utf-8", newline="") as file:
        return {row["galaxy_id"] for row in csv.DictReader(file) if words in row["kind"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "name", "least"),
    [
        ("black line", "black_line", 18 / 20),
        ("coloured line", "colour_line", 1.0),
        ("saturated star", "saturated_background", 0.8),
        ("frame edge", "frame_edge", 0.75),
    ],
)
def test_listed_defects_are_found(real_data: Path, scores: Scores, words: str, name: str, least: float) -> None:
    known = listed(real_data, words)
    assert len(known) >= 3
    assert len(known & alarms(scores, name)) >= least * len(known), known - alarms(scores, name)


def test_lines_seen_elsewhere_are_found(real_data: Path, scores: Scores) -> None:
    with (real_data / "defects" / "lines_seen_elsewhere.csv").open(encoding="utf-8", newline="") as file:
        sure = {Path(row["path_under_data"]).stem for row in csv.DictReader(file) if row["kind"] == "black_line"}
    missed = sure - alarms(scores, "black_line")
    assert len(missed) <= 0.1 * len(sure), missed


@pytest.mark.parametrize("name", DETECTORS)
def test_every_alarm_was_reviewed_by_a_person(scores: Scores, name: str) -> None:
    known = {row["id"] for row in reviewed() if row["detector"] == name}
    assert alarms(scores, name) <= known


def test_nearly_every_black_line_is_true(scores: Scores) -> None:
    raised = alarms(scores, "black_line") - having("black_line", "unsure")
    assert len(raised & having("black_line", "true")) >= 0.95 * len(raised), raised - having("black_line", "true")


@pytest.mark.parametrize("name", DROPPING)
def test_hardly_any_sound_image_is_dropped(scores: Scores, name: str) -> None:
    wrong = alarms(scores, name) & having(name, "false")
    assert len(wrong) <= 0.003 * len(scores[name]), wrong


def test_defects_seen_by_now_are_found(scores: Scores) -> None:
    known = having("black_line", "true")
    assert len(known & alarms(scores, "black_line")) >= 0.9 * len(known), known - alarms(scores, "black_line")


@pytest.mark.slow
def test_real_images_keep_their_verdicts_when_turned(real_data: Path, scores: Scores) -> None:
    seen = {row["id"] for row in reviewed()}
    paths = [path for path in sorted(real_data.rglob("*.jpg")) if path.stem in seen]
    assert len(paths) > 100
    for path in paths:
        image = decode(path.read_bytes(), "RGBA")
        for turn in TURNS[:4]:
            for name, finding in find(np.ascontiguousarray(turn(image))).items():
                value, threshold = scores[name][path.stem], THRESHOLDS[name]
                same = (finding.score >= threshold) == (value >= threshold)
                assert same or abs(value / threshold - 1) <= 0.05, (path.stem, name, value, finding.score)
