"""The detector of error images on drawn and on real images; the policies; and how lines are filled."""

import math
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from gzcore.errors import UsageError
from gzcore.images import Pixels, decode
from gzprep.catalogue.galaxy import DefectLine, DefectVerdict, Finding, Reason, Rejection, RejectionStage
from gzprep.config import Defects, Detector, LineDetector, LinePolicy, Policy, from_mapping
from gzprep.images.defects import DETECTORS, decide, fill_lines, find, judge, wanted
from tests.golden.regenerate_records import draw_frame

THRESHOLD = Defects().error_image.threshold


def error_image(frame: Pixels) -> float:
    return find(frame, ["error_image"])["error_image"].score


def black_below(share: float = 1.0, side: int = 424) -> Pixels:
    """A galaxy whose lowest rows are black: ``share`` of its bottom half."""
    frame = draw_frame(side, 1)
    rows = round(share * (side // 2))
    if rows:
        frame[-rows:, :, :3] = 0
    return frame


def through_jpeg(frame: Pixels, quality: int, subsampling: str = "420") -> Pixels:
    return decode(
        bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(frame[..., :3]), quality, "RGB", subsampling)), "RGBA"
    )


def sky(level: float, sigma: float) -> Pixels:
    """Noise on an even level."""
    noise = np.random.default_rng(1).normal(level, sigma, (424, 424, 3))
    frame = np.full((424, 424, 4), 255, np.uint8)
    frame[..., :3] = np.clip(np.round(noise), 0, 255)
    return frame


def even(level: int) -> Pixels:
    frame = np.full((424, 424, 4), level, np.uint8)
    frame[..., 3] = 255
    return frame


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(black_below(), id="exactly black"),
        pytest.param(even(0), id="all of it black"),
        pytest.param(even(3), id="nearly black all over"),
        pytest.param(black_below(0.96), id="all but a few rows"),
        pytest.param(black_below(side=425), id="an odd number of rows"),
        pytest.param(black_below()[::-1], id="upside down"),
        pytest.param(black_below().transpose(1, 0, 2), id="on its side"),
        *(pytest.param(through_jpeg(black_below(), quality), id=f"JPEG of {quality}") for quality in (75, 90, 95)),
        pytest.param(through_jpeg(black_below(), 90, "444"), id="JPEG 4:4:4"),
    ],
)
def test_an_error_image_is_past_the_threshold(frame: Pixels) -> None:
    assert error_image(frame) >= THRESHOLD


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(draw_frame(424, 1), id="a galaxy"),
        pytest.param(black_below(0.9), id="black below, not all the way"),
        pytest.param(even(4), id="dark grey"),
        pytest.param(sky(2, 3), id="dark noisy sky"),
        pytest.param(sky(0, 4), id="darkest noisy sky"),
        pytest.param(through_jpeg(sky(2, 3), 90), id="dark noisy sky after a JPEG"),
        pytest.param(sky(128, 3), id="bright sky"),
    ],
)
def test_a_sound_image_is_below_the_threshold(frame: Pixels) -> None:
    assert error_image(frame) < THRESHOLD


def test_a_dark_noisy_sky_is_far_below() -> None:
    assert error_image(sky(2, 3)) < 0.5


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_one_bright_channel_is_not_black(channel: int) -> None:
    frame = even(0)
    frame[..., channel] = 4
    assert error_image(frame) == 0
    frame[..., channel] = 3
    assert error_image(frame) == 1


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_the_score_is_the_black_share_of_the_blackest_half(share: float) -> None:
    frame = even(200)
    frame[: math.floor(106 * share), :, :3] = 0  # less black above, which does not count
    frame[424 - round(212 * share) :, :, :3] = 0
    assert error_image(frame) == pytest.approx(share, abs=1e-9)


def test_the_middle_row_of_an_odd_frame_belongs_to_no_half() -> None:
    frame = even(0)[:9]
    frame[4] = 200
    assert error_image(frame) == 1


@pytest.mark.slow
def test_real_galaxies_are_far_below(real_data: Path) -> None:
    paths = sorted(real_data.glob("*/images/**/*.jpg"))[::2]
    scores = {path: error_image(decode(path.read_bytes(), "RGBA")) for path in paths}
    worst = max(scores, key=scores.__getitem__)
    assert scores[worst] < 0.8, worst
    assert len(scores) > 100


# policies


def rules(policy: Policy, threshold: float = 0.95) -> Defects:
    """No detector but that of error images."""
    off = {name: {"policy": "off"} for name in DETECTORS if name != "error_image"}
    return from_mapping({"defects": {**off, "error_image": {"policy": policy, "threshold": threshold}}}).defects


DROPPED = Rejection(RejectionStage.DEFECT, Reason.ERROR_IMAGE, "score 1.000, threshold 0.95")


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        ("drop", DefectVerdict({"error_image": 1.0}, (), DROPPED)),
        ("flag", DefectVerdict({"error_image": 1.0}, ("error_image",), None)),
        ("keep", DefectVerdict({"error_image": 1.0}, (), None)),
    ],
)
def test_policy(policy: Policy, verdict: DefectVerdict) -> None:
    assert judge(even(0), rules(policy)) == verdict


@pytest.mark.parametrize("policy", ["drop", "flag", "keep"])
def test_a_sound_image_keeps_its_score(policy: Policy) -> None:
    frame = black_below(0.5)
    assert judge(frame, rules(policy)) == DefectVerdict({"error_image": error_image(frame)}, (), None)
    assert error_image(frame) >= 0.5


def test_a_score_on_the_threshold_is_a_defect() -> None:
    frame = even(200)
    frame[318:, :, :3] = 0
    assert judge(frame, rules("drop", 0.5)).rejection == Rejection(
        RejectionStage.DEFECT, Reason.ERROR_IMAGE, "score 0.500, threshold 0.5"
    )
    assert judge(frame, rules("drop", 0.501)).rejection is None


def test_every_detector_has_a_rule_and_a_reason() -> None:
    for name in DETECTORS:
        assert isinstance(getattr(Defects(), name), Detector | LineDetector)
        assert Reason(name) == name


def test_judging_leaves_the_image_alone() -> None:
    frame = black_below()
    frame.flags.writeable = False
    judge(frame, Defects())


# lines: where they are, and how they are taken out


SEAM = DefectLine(100.0, 50.0, 100.0, 350.0, 2.0)


def with_seam() -> Pixels:
    """Even grey with a black line, 2 px wide."""
    frame = even(120)
    frame[50:351, 99:101, :3] = 0
    return frame


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (
            "drop",
            DefectVerdict(
                {"black_line": 9.0}, (), Rejection(RejectionStage.DEFECT, Reason.BLACK_LINE, "score 9.000, threshold 7")
            ),
        ),
        ("flag", DefectVerdict({"black_line": 9.0}, ("black_line",))),
        ("keep", DefectVerdict({"black_line": 9.0})),
        ("inpaint", DefectVerdict({"black_line": 9.0}, inpainted=("black_line",))),
    ],
)
def test_policy_of_a_line(policy: LinePolicy, expected: DefectVerdict) -> None:
    off = {name: {"policy": "off"} for name in DETECTORS if name != "black_line"}
    recipe = from_mapping({"defects": {**off, "black_line": {"policy": policy, "threshold": 7}}})
    verdict = decide({"black_line": Finding(9.0, SEAM)}, recipe.defects)
    assert verdict == DefectVerdict(
        expected.scores, expected.flags, expected.rejection, {"black_line": SEAM}, expected.inpainted
    )


def test_what_is_dropped_is_not_inpainted() -> None:
    recipe = from_mapping({"defects": {"black_line": {"policy": "inpaint"}, "colour_line": {"policy": "drop"}}})
    findings = {name: Finding(0.0) for name in wanted(recipe.defects)}
    verdict = decide(
        {**findings, "black_line": Finding(99.0, SEAM), "colour_line": Finding(99.0, SEAM)}, recipe.defects
    )
    assert verdict.rejection is not None
    assert verdict.inpainted == ()


def test_no_line_no_filling() -> None:
    recipe = from_mapping({"defects": {"black_line": {"policy": "inpaint", "threshold": 0}}})
    assert judge(even(120), recipe.defects).inpainted == ()


def test_edges_cannot_be_inpainted() -> None:
    with pytest.raises(UsageError, match=r"defects.frame_edge.policy"):
        from_mapping({"defects": {"frame_edge": {"policy": "inpaint"}}})


def test_a_filled_line_is_gone_and_nothing_else_is_touched() -> None:
    frame = with_seam()
    filled = fill_lines(frame, [DefectLine(99.5, 50.0, 99.5, 350.0, 2.0)])
    assert np.abs(filled.astype(int) - even(120)).max() <= 2  # OpenCV rounds as it goes
    touched = (filled != with_seam()).any(axis=2)
    assert not touched[:, :97].any()
    assert not touched[:, 103:].any()
    assert (frame == with_seam()).all()


def test_a_black_line_is_found_where_it_is_and_filled() -> None:
    frame = draw_frame(424, 1)
    frame[..., :3] = np.maximum(frame[..., :3], 60)
    frame[100:321, 210, :3] = 0
    recipe = from_mapping({"defects": {"black_line": {"policy": "inpaint"}}})
    verdict = judge(frame, recipe.defects)
    assert verdict.inpainted == ("black_line",)
    line = verdict.lines["black_line"]
    assert (line.x0, line.x1) == pytest.approx((210, 210), abs=1.5)
    assert (line.y0, line.y1) == pytest.approx((100, 320), abs=6)
    filled = fill_lines(frame, [line])
    assert filled[110:310, 210, :3].min() > 20
    assert judge(filled, recipe.defects).scores["black_line"] < verdict.scores["black_line"] / 3
