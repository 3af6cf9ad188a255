"""Prediction on images: the same crop as in a shard, a row an image whatever it is, in the order of the paths."""

import io
import os
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gzcore import images as gz_images
from gzcore.errors import GzError, UsageError
from gzprep.images.views import View, render
from gztrain.data.dataset import Scheme
from gztrain.evaluation.predictions import read_predictions
from gztrain.predict.crops import Cut, centre_crop, filled_up, find_files, read_crop
from gztrain.predict.images import answer_names, columns, predict, predict_files
from gztrain.runs.folder import open_run
from tests.gztrain.run_folders import untrained_run
from tests.gztrain.synthetic import scheme_of
from tests.pixels import centre_crop as gz_centre_crop
from tests.running import gztrain

pytestmark = pytest.mark.usefixtures("file_lean_training")
CROP = 64


@pytest.fixture(scope="module")
def reduced() -> Scheme:
    return scheme_of("reduced")


def encoded(kind: str, size: tuple[int, int] = (100, 90), mode: str = "RGB") -> bytes:
    """An image file of noise, size = (width, height)."""
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(file, format=kind)
    return file.getvalue()


def deep_png() -> bytes:
    """A PNG with 16 bits a channel."""
    _, data = cv2.imencode(".png", np.zeros((90, 100, 3), np.uint16))
    return data.tobytes()


UNUSABLE = {
    "empty": (b"", "the file is empty"),
    "text": (b"not an image at all", "the file is not an image (JPEG or PNG)"),
    "cut short": (encoded("JPEG")[:-200], "the image cannot be decoded"),
    "cut in the header": (encoded("JPEG")[:20], "the file is not an image"),
    "cut png": (encoded("PNG")[:-500], "the image cannot be decoded"),
    "too narrow": (encoded("JPEG", (CROP - 1, 90)), "63 x 90 px, too small for a crop of 64"),
    "too low": (encoded("PNG", (90, CROP - 1)), "90 x 63 px, too small for a crop of 64"),
    "huge": (encoded("PNG", (16_000, 1_001), "1"), "16000 x 1001 px, more than 16000000 in all"),
    "grey": (encoded("JPEG", mode="L"), "mode Gray, expected RGB of 8 bits a channel"),
    "palette": (encoded("PNG", mode="P"), "mode P, expected RGB of 8 bits a channel"),
    "transparent": (encoded("PNG", mode="RGBA"), "mode RGBA, expected RGB of 8 bits a channel"),
    "16 bits": (deep_png(), "16 bits"),
    "gif": (encoded("GIF"), "the file is not an image"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_image_that_cannot_be_used_has_a_reason(tmp_path: Path, name: str) -> None:
    data, reason = UNUSABLE[name]
    (tmp_path / "image.jpg").write_bytes(data)
    crop = read_crop(tmp_path / "image.jpg", Cut(CROP))
    assert crop.pixels is None
    assert reason in str(crop.reason)


def test_what_is_no_file_has_a_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    reasons = [read_crop(tmp_path / name, Cut(CROP)).reason for name in ("pipe.jpg", "folder.jpg", "absent.jpg")]
    assert reasons == [
        "it is no regular file",
        "it is no regular file",
        "the file cannot be read: no such file or directory",
    ]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(100, 90), (101, 91), (64, 64), (65, 64)], ids=str)
def test_the_crop_is_that_of_view_0(tmp_path: Path, kind: str, size: tuple[int, int]) -> None:
    """Pixel by pixel what gzprep hands to its encoder; both frames are decoded from the same bytes."""
    data = encoded(kind, size)
    path = tmp_path / "image"
    path.write_bytes(data)
    expected = render(gz_images.decode(data, "RGBA"), View(0), CROP)
    np.testing.assert_array_equal(read_crop(path, Cut(CROP)).pixels, expected)


def test_neighbours_are_blanked_as_they_were_for_the_training(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:64, :64]
    light = 150 * np.exp(-((columns - 32) ** 2 + (rows - 32) ** 2) / 30)
    star = 230 * np.exp(-((columns - 50) ** 2 + (rows - 12) ** 2) / 4)
    image = np.repeat((10 + light + star).astype(np.uint8)[..., None], 3, axis=2)
    Image.fromarray(image).save(tmp_path / "a.png")
    crop = read_crop(tmp_path / "a.png", Cut(CROP, mask=True)).pixels
    assert crop is not None
    assert (crop[12, 50, 0], crop[32, 32, 0]) == (10, 160)


def test_the_crop_of_a_real_galaxy_is_that_of_view_0(gz2: Path) -> None:
    path = min((gz2 / "images").rglob("*.jpg"))
    expected = render(gz_images.decode(path.read_bytes(), "RGBA"), View(0), 224)
    np.testing.assert_array_equal(read_crop(path, Cut(224)).pixels, expected)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_crops_are_equal_at_every_size(height: int, width: int, crop: int) -> None:
    crop = min(crop, height, width)
    frame = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    np.testing.assert_array_equal(centre_crop(frame, crop), gz_centre_crop(frame, crop))


def test_images_are_found_once_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b/2.JPG", "b/1.png", "a/3.jpeg", "a/notes.txt", "c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    found = find_files([tmp_path / "c.jpg", tmp_path, tmp_path / "a" / "notes.txt"]).images
    names = ("a/3.jpeg", "a/notes.txt", "b/1.png", "b/2.JPG", "c.jpg")
    assert found == [tmp_path / name for name in names]


def test_a_place_that_is_not_there_is_a_mistake_of_the_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no image or folder"):
        find_files([tmp_path / "absent"])


def test_a_folder_without_images_is_reported(tmp_path: Path) -> None:
    with pytest.raises(GzError, match=r"There are no images in .*\.jpg"):
        find_files([tmp_path])


class Brightness:
    """A classifier whose labels all have the mean brightness of the image; it remembers the batches it saw."""

    def __init__(self, labels: int) -> None:
        self.labels = labels
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        self.shapes.append(images.shape)
        share = images.mean(axis=(1, 2, 3)) / 255
        return np.repeat(share[:, None], self.labels, axis=1).astype(np.float32)


def table_of(paths: list[Path], classify: Brightness, scheme: Scheme, batch: int) -> pa.Table:
    return pa.Table.from_batches(list(predict_files(paths, classify, cut=Cut(CROP), scheme=scheme, batch=batch)))


@pytest.mark.parametrize("batch", [1, 2, 3, 4, 100])
def test_rows_stand_in_order_whatever_the_batch(tmp_path: Path, reduced: Scheme, batch: int) -> None:
    levels = [0, 250, 100, 200, 50]
    for place, level in enumerate(levels):
        Image.new("RGB", (80, 80), (level, level, level)).save(tmp_path / f"{place}.png")
    (tmp_path / "2.png").write_bytes(b"damaged")
    classify = Brightness(len(reduced.names))
    table = table_of(sorted(tmp_path.iterdir()), classify, reduced, batch)
    assert table["path"].to_pylist() == [str(tmp_path / f"{place}.png") for place in range(5)]
    assert table["reason"].to_pylist() == [None, None, "the file is not an image (JPEG or PNG)", None, None]
    expected = [None if place == 2 else level / 255 for place, level in enumerate(levels)]
    for name in reduced.names:
        assert [value and round(value, 6) for value in table[name].to_pylist()] == [v and round(v, 6) for v in expected]
    assert table["disk-edge-on-gz2"].to_pylist() == ["no", "yes", None, "yes", "no"]
    assert set(classify.shapes) == {(batch, CROP, CROP, 3)}  # one shape: compiled once


def test_the_model_is_not_called_for_a_batch_without_a_usable_image(tmp_path: Path, reduced: Scheme) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    classify = Brightness(len(reduced.names))
    assert table_of([tmp_path / "a.jpg"], classify, reduced, 2)["reason"].to_pylist() == ["the file is empty"]
    assert not classify.shapes


def test_no_number_is_a_reason(tmp_path: Path, reduced: Scheme) -> None:
    Image.new("RGB", (80, 80)).save(tmp_path / "a.png")
    nothing = np.full((1, len(reduced.names)), np.nan, np.float32)
    (rows,) = predict_files([tmp_path / "a.png"], lambda _: nothing, cut=Cut(CROP), scheme=reduced, batch=1)
    assert rows["reason"].to_pylist() == ["the model gives no number for it"]
    assert rows[reduced.names[0]].null_count == 1


def test_a_name_that_is_no_text_is_spelled_out(tmp_path: Path, reduced: Scheme) -> None:
    path = tmp_path / os.fsdecode(b"gal\xffaxy.png")
    Image.new("RGB", (80, 80)).save(path)
    table = table_of([path], Brightness(len(reduced.names)), reduced, 1)
    assert table["path"].to_pylist() == [f"{tmp_path}/gal\\xffaxy.png"]
    pq.write_table(table, tmp_path / "out.parquet")


ANSWERS = {
    "one label, above": (1, (0.7,), "yes"),
    "one label, at the threshold": (1, (0.5,), "no"),
    "one label, below": (1, (0.49,), "no"),
    "first": (6, (0.4, 0.3, 0.2), "round"),
    "last": (6, (0.1, 0.3, 0.35), "cigar"),
    "a tie goes to the first": (6, (0.1, 0.3, 0.3), "in-between"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(reduced: Scheme, name: str) -> None:
    index, probabilities, answer = ANSWERS[name]
    question = next(question for question in reduced.questions if question.index == index)
    assert answer_names(question, np.array([probabilities], np.float32)) == [answer]


# ---------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(tmp_path_factory.mktemp("runs") / "run", dataset).root


@pytest.mark.slow
def test_a_folder_of_galaxies_becomes_rows(run: Path, small_sky: Path, tmp_path: Path) -> None:
    """The sky that the data set was made of: probabilities as those of its shards, but for the JPEG between."""
    told = gztrain("evaluate", run, "--split", "test")
    assert told.code == 0, told.err
    result = gztrain("predict", run, small_sky / "images", "--parquet", tmp_path / "out.parquet", "--json")
    assert result.code == 0, result.err
    table = pq.read_table(tmp_path / "out.parquet")
    counts = {"images": len(table), "predicted": len(table) - 1, "unusable": 1}
    assert result.json == {**counts, "other_size": 0, "frame": 424, "not_read": []}
    assert table.schema.equals(columns(open_run(run).scheme), check_metadata=False)
    assert table["path"].to_pylist() == sorted(map(str, (small_sky / "images").rglob("*.jpg")))
    shards = read_predictions(run / "predictions-test.parquet")
    rows = {Path(row["path"]).stem: row for row in table.to_pylist()}
    for galaxy_id, probabilities in zip(shards.ids, shards.probabilities, strict=True):
        found = [rows[galaxy_id][name] for name in shards.names]
        np.testing.assert_allclose(found, probabilities, atol=0.3)
        np.testing.assert_allclose(found, probabilities_of(run, Path(rows[galaxy_id]["path"])), atol=1e-5)


def probabilities_of(run: Path, image: Path) -> npt.NDArray[np.float32]:
    """What the model itself says of an image."""
    frame = np.asarray(Image.open(image))
    side = (frame.shape[0] - CROP) // 2
    crop = frame[side : side + CROP, side : side + CROP]
    return np.asarray(open_run(run).model()(crop[None], training=False))[0]


def test_rows_are_joined_to_groups_worth_reading(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gztrain.predict.images.ROW_GROUP", 128)
    (tmp_path / "images").mkdir()
    for place in range(200):
        (tmp_path / "images" / f"{place:03d}.jpg").write_bytes(b"")
    seen: list[int] = []
    predict(run, [tmp_path / "images"], tmp_path / "out.parquet", seen.append)
    assert seen == [64, 64, 64, 8]
    written = pq.ParquetFile(tmp_path / "out.parquet").metadata
    assert [written.row_group(place).num_rows for place in range(written.num_row_groups)] == [128, 72]


@pytest.mark.slow
def test_a_file_that_is_no_parquet_is_not_replaced(run: Path, tmp_path: Path) -> None:
    Image.new("RGB", (80, 80)).save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    for target in (tmp_path / "a.png", tmp_path):
        result = gztrain("predict", run, tmp_path / "a.png", "--parquet", target)
        assert result.code == 2
        assert "is there already and is no parquet file" in result.sentence
    assert (tmp_path / "a.png").read_bytes() == before
    for _ in range(2):  # an older parquet file is
        assert gztrain("predict", run, tmp_path / "a.png", "--parquet", tmp_path / "out").code == 0


def test_a_failure_leaves_nothing_behind(run: Path, tmp_path: Path) -> None:
    Image.new("RGB", (80, 80)).save(tmp_path / "a.png")
    result = gztrain("predict", run, tmp_path / "a.png", "--parquet", tmp_path / "absent" / "out.parquet")
    assert result.code == 1
    assert "Cannot write into" in result.sentence
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("number", [1, 3, 4])
def test_black_images_fill_a_batch_up(number: int) -> None:
    images = np.full((number, 2, 2, 3), 7, np.uint8)
    found = filled_up(images, 4)
    assert found.shape == (4, 2, 2, 3)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[:number], images)
    assert not found[number:].any()
    assert (found is images) == (number == 4)  # a whole batch is not copied
