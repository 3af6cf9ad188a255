"""The detectors that are not in a run yet: they look at anything, and a turned image gets the score of the image."""

from pathlib import Path

import numpy as np
import pytest

from gzprep.defects import DETECTORS, find
from gzprep.images import decode

SHAPES = ((64, 64), (64, 64, 3), (65, 97, 3), (424, 424, 4), (200, 64, 1))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["black", "white", "noise"])
def test_no_image_is_too_strange(shape: tuple[int, ...], kind: str) -> None:
    made = {"black": np.zeros(shape, np.uint8), "white": np.full(shape, 255, np.uint8)}
    made["noise"] = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    found = find(made[kind])
    assert set(found) == set(DETECTORS)
    assert all(np.isfinite(finding.score) for finding in found.values())


def test_a_black_line_scores_more_than_none(small_sky: Path) -> None:
    frame = decode(sorted((small_sky / "images").rglob("*.jpg"))[5].read_bytes()).copy()
    frame[..., :3] = np.maximum(frame[..., :3], 60)
    before = find(frame, ["black_line"])["black_line"].score
    frame[100:320, 210, :3] = 0
    after = find(frame, ["black_line"])["black_line"]
    assert after.score > before + 20
    assert after.line is not None
    assert after.line.length > 100


def test_a_turned_image_has_the_scores_of_the_image(small_sky: Path) -> None:
    frame = decode(sorted((small_sky / "images").rglob("*.jpg"))[5].read_bytes())
    scores = {name: finding.score for name, finding in find(frame).items() if name != "error_image"}
    for turned in (np.rot90(frame), frame[::-1], frame[:, ::-1]):
        found = find(np.ascontiguousarray(turned))
        assert {name: found[name].score for name in scores} == pytest.approx(scores, rel=0.05)
