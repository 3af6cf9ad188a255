"""One galaxy from file to records: every reason to reject it, and its pixels end to end."""

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image

from gzcore.dataset.example import Record
from gzcore.images import MAX_FILE_BYTES, Pixels
from gzprep.catalogue.galaxy import Galaxy, Reason, Rejection, RejectionStage, Split
from gzprep.config import BYTES_VERSION, Recipe, from_mapping
from gzprep.dataset.read import operations_of
from gzprep.dataset.shards import fold_of, order_of, own_fold
from gzprep.images.defects import DETECTORS
from gzprep.images.sources import Files, read_image
from gzprep.prepare.galaxy import Judged, galaxy_views, image_digest, judge_galaxy, make_records
from gzprep.prepare.galaxy import Record as Serialised
from tests.golden.regenerate_records import (
    GALAXIES,
    GOLDEN,
    RECIPES,
    draw_frame,
    draw_galaxy,
    draw_votes,
    made_with,
    record_sums,
)
from tests.gz2 import label, read_record

SIDE = 64
cv2.setNumThreads(1)


def recipe(**parts: Any) -> Recipe:
    """A recipe of small frames and lossless crops."""
    return from_mapping({"images": {"frame": SIDE}, "crop": {"size": 32, "encoding": "png"}, **parts})


def galaxy(filename: str = "a.jpg", subfolder: str = "sub", split: Split = Split.TRAIN) -> Galaxy:
    return Galaxy("587722981736120347", split, subfolder, filename, draw_votes(1))


def drawn(height: int = SIDE, width: int = SIDE) -> Pixels:
    return np.ascontiguousarray(draw_frame(max(height, width), 1)[:height, :width, :3])


def jpeg(image: Pixels) -> bytes:
    return bytes(simplejpeg.encode_jpeg(image, 90, "RGB", "420"))


def saved(image: Pixels, mode: str, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).convert(mode).save(file, kind)
    return file.getvalue()


def black_below() -> bytes:
    image = drawn()
    image[SIDE // 2 :] = 0
    return jpeg(image)


def huge() -> bytes:
    """A JPEG of 64 px that claims to be 12.9 GB large."""
    data = jpeg(drawn())
    start = data.index(b"\xff\xc0") + 5
    return data[:start] + b"\xff\xdc\xff\xdc" + data[start + 4 :]


# reading


def rejected(found: bytes | Rejection) -> Rejection:
    assert isinstance(found, Rejection)
    return found


def test_the_bytes_of_an_image(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.jpg").write_bytes(b"anything")
    assert read_image(galaxy(), Files(tmp_path)) == b"anything"


def test_a_missing_file(tmp_path: Path) -> None:
    assert read_image(galaxy(), Files(tmp_path)) == Rejection(
        RejectionStage.READ, Reason.MISSING_FILE, "there is no file 'sub/a.jpg'"
    )


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "sub" / "a.jpg").mkdir(parents=True)
    assert read_image(galaxy(), Files(tmp_path)) == Rejection(
        RejectionStage.READ, Reason.UNREADABLE, "it is no regular file"
    )


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "sub").write_bytes(b"")
    rejection = rejected(read_image(galaxy(), Files(tmp_path)))
    assert (rejection.stage, rejection.reason) == (RejectionStage.READ, Reason.UNREADABLE)
    assert rejection.detail == "the file cannot be read: not a directory"


def test_a_name_too_long_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    rejection = rejected(read_image(galaxy("a" * 300), Files(tmp_path)))
    assert rejection.reason is Reason.UNREADABLE
    assert rejection.detail.endswith("file name too long")


def test_a_link_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.jpg").symlink_to("a.jpg")
    assert rejected(read_image(galaxy(), Files(tmp_path))).reason is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("subfolder", "filename"),
    [
        ("sub", "../a.jpg"),
        ("..", "a.jpg"),
        ("sub/../..", "a.jpg"),
        ("sub", "/etc/passwd"),
        ("/etc", "passwd"),
        ("sub", ""),
        ("sub", "a\0.jpg"),
        ("sub\0", "a.jpg"),
        ("sub", "..\\a.jpg"),
    ],
)
def test_a_path_outside_the_image_folder(tmp_path: Path, subfolder: str, filename: str) -> None:
    images = tmp_path / "images"
    (images / "sub").mkdir(parents=True)
    for place in (tmp_path, images):
        (place / "a.jpg").write_bytes(b"secret")
    rejection = rejected(read_image(galaxy(filename, subfolder), Files(images)))
    assert (rejection.stage, rejection.reason) == (RejectionStage.CATALOGUE, Reason.PATH_OUTSIDE)
    assert rejection.detail == f"{subfolder!r} / {filename!r} is no path below the image folder"


@pytest.mark.parametrize("filename", ["a..jpg", "..a", "b c.jpg", "\N{GREEK SMALL LETTER ALPHA}.jpg", "-rf"])
def test_an_odd_name_within_the_image_folder(tmp_path: Path, filename: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / filename).write_bytes(b"x")
    assert read_image(galaxy(filename), Files(tmp_path)) == b"x"


# judging


STAGES = {
    Reason.UNREADABLE: RejectionStage.READ,
    Reason.WRONG_SHAPE: RejectionStage.READ,
    Reason.WRONG_MODE: RejectionStage.READ,
    Reason.ERROR_IMAGE: RejectionStage.DEFECT,
}
NOT_RGB = "expected RGB of 8 bits a channel"


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        pytest.param(b"", Reason.UNREADABLE, "the file is empty", id="empty"),
        pytest.param(b"<html>404</html>", Reason.UNREADABLE, "the file is a web page, not an image", id="a web page"),
        pytest.param(b"oops", Reason.UNREADABLE, "the file is not an image", id="text"),
        pytest.param(jpeg(drawn())[:-200], Reason.UNREADABLE, "the image cannot be decoded", id="cut short"),
        pytest.param(jpeg(drawn(64, 63)), Reason.WRONG_SHAPE, "63 x 64 px, expected 64 x 64", id="a column short"),
        pytest.param(jpeg(drawn(63, 64)), Reason.WRONG_SHAPE, "64 x 63 px, expected 64 x 64", id="a row short"),
        pytest.param(huge(), Reason.WRONG_SHAPE, "65500 x 65500 px, expected 64 x 64", id="a huge claim"),
        pytest.param(saved(drawn(), "L", "JPEG"), Reason.WRONG_MODE, f"mode Gray, {NOT_RGB}", id="grey JPEG"),
        pytest.param(saved(drawn(), "CMYK", "JPEG"), Reason.WRONG_MODE, f"mode CMYK, {NOT_RGB}", id="CMYK JPEG"),
        pytest.param(saved(drawn(), "RGBA", "PNG"), Reason.WRONG_MODE, f"mode RGBA, {NOT_RGB}", id="PNG with alpha"),
        pytest.param(black_below(), Reason.ERROR_IMAGE, "threshold 0.95", id="an error image"),
    ],
)
def test_reasons(data: bytes, reason: Reason, detail: str) -> None:
    judged = judge_galaxy(galaxy(), data, recipe())
    rejection = judged.verdict.rejection
    assert rejection is not None
    assert (rejection.stage, rejection.reason) == (STAGES[reason], reason)
    assert detail in rejection.detail
    assert judged.frame is None
    assert judged.digest == image_digest(data)


def test_what_could_not_be_read_stays_rejected() -> None:
    rejection = Rejection(RejectionStage.READ, Reason.MISSING_FILE, "there is no file 'sub/a.jpg'")
    judged = judge_galaxy(galaxy(), rejection, recipe())
    assert judged.verdict.rejection == rejection
    assert (judged.frame, judged.digest, judged.verdict.scores) == (None, "", {})


def test_a_rejected_galaxy_still_has_its_labels() -> None:
    assert repr(judge_galaxy(galaxy(), b"", recipe()).labels) == repr(label(draw_votes(1), galaxy().id))


@pytest.mark.parametrize(
    "data", [jpeg(drawn()), saved(drawn(), "RGB", "PNG"), jpeg(drawn()) + b"tail"], ids=["JPEG", "PNG", "JPEG and more"]
)
def test_a_sound_galaxy_is_accepted(data: bytes) -> None:
    judged = judge_galaxy(galaxy(), data, recipe())
    assert judged.verdict.rejection is None
    assert judged.frame is not None
    assert judged.frame.shape == (SIDE, SIDE, 4)
    assert judged.verdict.scores.keys() == set(DETECTORS)
    assert judged.without_frame().frame is None
    assert judged.without_frame().digest == judged.digest == image_digest(data)


def test_a_flagged_galaxy_is_accepted() -> None:
    judged = judge_galaxy(
        galaxy(), black_below(), recipe(defects={"error_image": {"threshold": 0.95, "policy": "flag"}})
    )
    assert "error_image" in judged.verdict.flags
    assert judged.verdict.rejection is None
    assert judged.frame is not None


def test_labels_obey_the_recipe() -> None:
    strict = recipe(labels={"min_votes": 41}, split_seed=3)
    labels = judge_galaxy(galaxy(), jpeg(drawn()), strict).labels
    assert set(labels.mask) == {0}
    assert repr(labels) == repr(label(draw_votes(1), galaxy().id, seed=3, min_votes=41))


def test_digest_is_of_the_bytes() -> None:
    assert image_digest(b"a") != image_digest(b"b")
    assert image_digest(b"") == "cae66941d9efbd404e4d88758ea67670"  # blake2b of nothing, 16 bytes


# records


def serialised(judged: Judged, chosen: Recipe) -> list[Serialised]:
    """The records of an accepted galaxy, in the fold that its id decides."""
    assert judged.frame is not None
    fold = own_fold(judged.galaxy.id, judged.galaxy.split, chosen.split_seed)
    return list(make_records(judged, judged.frame, chosen, fold))


def records_of(made: Galaxy, image: Pixels, chosen: Recipe) -> list[Record]:
    judged = judge_galaxy(made, saved(image, "RGB", "PNG"), chosen)
    return [read_record(record.data) for record in serialised(judged, chosen)]


SPLITS = {
    Split.TRAIN: [(0, "train"), (1, "train_views"), (2, "train_views")],
    Split.TEST: [(0, "test")],
}


@pytest.mark.parametrize(("split", "expected"), SPLITS.items(), ids=SPLITS)
def test_a_record_comes_with_its_split_and_its_sort_key(split: Split, expected: list[tuple[int, str]]) -> None:
    chosen = recipe(views={"count": 2}, split_seed=5)
    made = galaxy(split=split)
    records = serialised(judge_galaxy(made, saved(drawn(), "RGB", "PNG"), chosen), chosen)
    assert [(record.view, record.split) for record in records] == expected
    assert [record.order for record in records] == [order_of(made.id, view, 5) for view, _ in expected]


@pytest.mark.parametrize("fold", [0, 3, -1])
def test_a_record_has_the_fold_that_it_is_given(fold: int) -> None:
    judged = judge_galaxy(galaxy(), saved(drawn(), "RGB", "PNG"), recipe())
    assert judged.frame is not None
    assert {read_record(made.data).fold for made in make_records(judged, judged.frame, recipe(), fold)} == {fold}


def test_a_training_galaxy_gets_13_views() -> None:
    views = galaxy_views(galaxy(), recipe())
    assert [view.index for view in views] == list(range(13))
    records = records_of(galaxy(), drawn(), recipe())
    assert [record.view for record in records] == list(range(13))
    assert {record.fold for record in records} == {fold_of(galaxy().id, 0)}
    assert len({record.image for record in records}) > 6


def test_a_test_galaxy_gets_view_0_alone() -> None:
    made = galaxy(split=Split.TEST)
    assert [view.index for view in galaxy_views(made, recipe())] == [0]
    (record,) = records_of(made, drawn(), recipe())
    assert (record.view, record.fold, record.ops) == (0, -1, b"[]")


def test_number_of_views_and_split_seed_are_the_recipes() -> None:
    records = records_of(galaxy(), drawn(), recipe(views={"count": 2}, split_seed=5))
    assert [record.view for record in records] == [0, 1, 2]
    assert {record.fold for record in records} == {fold_of(galaxy().id, 5)}


def test_the_seed_changes_views_and_nothing_else() -> None:
    one, other = (records_of(galaxy(), drawn(), recipe(seed=seed)) for seed in (1, 2))
    assert [record.ops for record in one] != [record.ops for record in other]
    assert one[0].image == other[0].image
    assert {record.fold for record in one} == {record.fold for record in other}


def test_all_views_share_everything_but_image_view_and_ops() -> None:
    shared = {
        repr([(name, value) for name, value in vars(record).items() if name not in ("image", "view", "ops")])
        for record in records_of(galaxy(), drawn(), recipe())
    }
    assert len(shared) == 1


def test_fill_is_noted_in_the_record() -> None:
    records = records_of(galaxy(), drawn(), recipe(crop={"size": 64, "encoding": "png"}))
    for record in records:
        turned = {op["op"] for op in operations_of(record)} & {"rotate", "translate"}
        assert ("fill" in {op["op"] for op in operations_of(record)}) >= bool(turned)
    assert any(op["op"] == "fill" for record in records for op in operations_of(record))


# golden pixels, end to end


def flag() -> Pixels:
    """Red above left, green above right, blue below left, white below right; a yellow spot off the centre."""
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[:30, :25] = (255, 0, 0)
    image[:30, 25:] = (0, 255, 0)
    image[30:, :25] = (0, 0, 255)
    image[30:, 25:] = (255, 255, 255)
    image[20:23, 40:45] = (255, 255, 0)
    return image


def test_channel_order_and_orientation_end_to_end(tmp_path: Path) -> None:
    """From a file that Pillow wrote to the pixels that Pillow reads out of the record of view 0."""
    (tmp_path / "sub").mkdir()
    Image.fromarray(flag()).save(tmp_path / "sub" / "a.png")
    made = galaxy("a.png")
    judged = judge_galaxy(made, read_image(made, Files(tmp_path)), recipe())
    first = read_record(serialised(judged, recipe())[0].data)
    with Image.open(io.BytesIO(first.image)) as stored:
        assert (stored.format, stored.mode, stored.size) == ("PNG", "RGB", (32, 32))
        np.testing.assert_array_equal(np.asarray(stored), flag()[16:48, 16:48])
        golden = {(0, 0): "ff0000", (31, 0): "00ff00", (0, 31): "0000ff", (31, 31): "ffffff", (25, 5): "ffff00"}
        assert {place: bytes(stored.getpixel(place)).hex() for place in golden} == golden


def test_channel_order_and_orientation_of_a_jpeg_end_to_end() -> None:
    """Source and crop are JPEG, as Galaxy Zoo's are: away from the edges it loses little; a swap would be 255 off."""
    chosen = recipe(crop={"size": 32})
    judged = judge_galaxy(galaxy(), saved(flag(), "RGB", "JPEG"), chosen)
    stored = read_record(serialised(judged, chosen)[0].data).image
    with Image.open(io.BytesIO(stored)) as image:
        assert image.format == "JPEG"
        for place in ((2, 2), (30, 1), (2, 28), (28, 28)):
            expected = flag()[place[1] + 16, place[0] + 16].astype(int)
            assert abs(np.array(image.getpixel(place)) - expected).max() <= 24, place


@pytest.mark.parametrize(
    ("flip", "corners"),
    [
        ("horizontal", {(0, 0): "00ff00", (31, 0): "ff0000", (31, 31): "0000ff"}),
        ("vertical", {(0, 0): "0000ff", (0, 31): "ff0000", (31, 31): "00ff00"}),
    ],
)
def test_a_flipped_view_end_to_end(flip: str, corners: dict[tuple[int, int], str]) -> None:
    """A view that does nothing else: its ops say what its pixels show."""
    records = records_of(galaxy(), flag(), recipe(views={"count": 99, "ops": 1}))
    record = next(record for record in records if operations_of(record) == [{"op": "flip", "flip": flip}])
    with Image.open(io.BytesIO(record.image)) as image:
        assert {place: bytes(image.getpixel(place)).hex() for place in corners} == corners


# golden records


@pytest.mark.parametrize("name", RECIPES)
def test_golden_records(name: str) -> None:
    """The bytes of every record of six drawn galaxies."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    if golden["made_with"] != made_with():
        pytest.skip(f"the golden records were made with {golden['made_with']}, here is {made_with()}")
    sums = record_sums(from_mapping(RECIPES[name]))
    assert sums.keys() == golden["records"][name].keys()
    changed = {key for key in sums if sums[key] != golden["records"][name][key]}
    assert not changed, (
        f"The bytes of {len(changed)} of {len(sums)} records changed: {', '.join(sorted(changed)[:5])} ... If that is "
        "meant, raise gzprep.config.BYTES_VERSION and run: python tests/golden/regenerate_records.py"
    )


def test_golden_records_belong_to_this_version_of_the_bytes() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert golden["bytes_version"] == BYTES_VERSION, "run: python tests/golden/regenerate_records.py"
    assert {name: len(sums) for name, sums in golden["records"].items()} == dict.fromkeys(RECIPES, 4 * 13 + 2)


def test_golden_records_do_not_depend_on_each_other() -> None:
    """A galaxy alone gives the records it gives among others."""
    seed = 2
    galaxy_id, split = GALAXIES[seed]
    chosen = from_mapping(RECIPES["jpeg"])
    frame = draw_frame(64, seed)
    judged = judge_galaxy(
        draw_galaxy(galaxy_id, split, seed), saved(np.ascontiguousarray(frame[..., :3]), "RGB", "PNG"), chosen
    )
    sums = record_sums(chosen)
    backwards = serialised(judged, chosen)[::-1]
    for record in backwards:
        assert hashlib.sha256(record.data).hexdigest() == sums[f"{galaxy_id}, view {record.view}"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    os.mkfifo(tmp_path / "sub" / "a.jpg")
    assert read_image(galaxy(), Files(tmp_path)) == Rejection(
        RejectionStage.READ, Reason.UNREADABLE, "it is no regular file"
    )


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    with (tmp_path / "sub" / "a.jpg").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)  # sparse: takes no space
    rejection = rejected(read_image(galaxy(), Files(tmp_path)))
    assert (rejection.reason, rejection.stage) == (Reason.UNREADABLE, RejectionStage.READ)
    assert str(MAX_FILE_BYTES + 1) in rejection.detail


def beside_a_star() -> Pixels:
    """A galaxy in the middle of 64 px, and a star beside it, on a sky of grey level 10."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    light = [peak * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / size) for x, y, size, peak in _SOURCES]
    return np.repeat((10 + sum(light)).astype(np.uint8)[..., None], 3, axis=2)


_SOURCES = ((SIDE / 2, SIDE / 2, 30, 150), (50, 12, 4, 230))


def test_a_mask_puts_sky_in_the_place_of_a_star_and_says_so() -> None:
    chosen = recipe(images={"frame": SIDE, "mask": "central"})
    judged = judge_galaxy(galaxy(), saved(beside_a_star(), "RGB", "PNG"), chosen)
    assert judged.frame is not None
    assert (judged.frame[12, 50, 0], judged.frame[SIDE // 2, SIDE // 2, 0]) == (10, 160)
    ops = read_ops(judged, chosen)
    assert ops[0] == {"op": "mask", "neighbours": 1}
    assert "no_central_source" not in judged.verdict.flags


def test_an_image_without_a_central_source_is_flagged_and_stays() -> None:
    empty = np.full((SIDE, SIDE, 3), 10, np.uint8)
    judged = judge_galaxy(galaxy(), saved(empty, "RGB", "PNG"), recipe(images={"frame": SIDE, "mask": "central"}))
    assert "no_central_source" in judged.verdict.flags
    assert judged.frame is not None
    assert (judged.frame[..., :3] == 10).all()


def read_ops(judged: Judged, chosen: Recipe) -> Any:
    assert judged.frame is not None
    first = next(iter(make_records(judged, judged.frame, chosen, 0)))
    return json.loads(read_record(first.data).ops)
