"""Refusals of a run: the commonest reason, an example in full, the option that helps; and that the option does help."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gzprep.config import read_recipe
from gzprep.prepare.rejects import Example, explain, hint_for, near_file
from gzprep.simulate import simulate
from tests.running import Result, gzprep, manifest

HINTS = {
    "smaller frames": ("wrong_shape", "300 x 300 px, expected 424 x 424", "--set images.frame=300."),
    "frames smaller than the crop": ("wrong_shape", "200 x 200 px, expected 424 x 424", "images.frame=200 --crop 200."),
    "not square": ("wrong_shape", "300 x 400 px, expected 424 x 424", "--set images.fit=resize, or crop"),
    "too small to crop": ("wrong_shape", "100 x 100 px, expected at least 224 x 224", "--set images.fit=resize"),
    "16 bits": ("wrong_mode", "mode RGB of 16 bits, expected RGB of 8 bits a channel", "images.fits.stretch=linear"),
    "16 bits, grey": ("wrong_mode", "mode I;16, expected RGB of 8 bits a channel", "images.fits.stretch=linear"),
    "grey": ("wrong_mode", "mode L, expected RGB of 8 bits a channel", """'images.modes=["RGB","L"]'."""),
    "alpha": ("wrong_mode", "mode RGBA, expected RGB of 8 bits a channel", """'images.modes=["RGB","RGBA"]'."""),
    "a palette": ("wrong_mode", "mode P, expected RGB of 8 bits a channel", "Convert such images to RGB"),
    "transparent": ("wrong_mode", "an alpha channel that is not opaque everywhere", "Convert such images to RGB"),
    "no file": ("missing_file", "there is no file 'a/b.jpg'", "name their place with --images"),
    "a defect": ("black_line", "score 9.000, threshold 7", "--set defects.black_line.policy=flag."),
    "damaged": ("unreadable", "the file is empty", "gzprep inspect DIR"),
    "an id": ("bad_id", "it is empty", "id_str"),
    "outside": ("path_outside", "'..' / 'a.jpg' is no path below the image folder", "below the image folder"),
}


@pytest.mark.parametrize(("reason", "detail", "hint"), HINTS.values(), ids=HINTS)
def test_the_option_that_helps(reason: str, detail: str, hint: str) -> None:
    example = Example("42", "a/b.jpg", reason, detail)
    recipe = read_recipe(None)
    assert hint in hint_for(example, recipe)
    assert explain(example, "sky/images", recipe).startswith(f"For example galaxy 42, sky/images/a/b.jpg: {detail}.")


def test_a_mixed_folder_is_told_with_numbers() -> None:
    details = [f"{side} x {side} px, expected 424 x 424" for side in (100, 256, 256, 256, 300, 300, 512, 600)]
    told = explain(Example("42", "1.jpg", "wrong_shape", details[0]), "images", read_recipe(None), details)
    assert "Of the rejected ones 3 have 256 x 256 px, 2 have 300 x 300 px, 1 have 100 x 100 px, 2 something" in told
    assert (
        "--set images.fit=resize, or crop, pad or scale; to keep each at its own size: --set images.frame=any" in told
    )


def test_numbers_of_modes() -> None:
    details = ["mode L, expected RGB of 8 bits a channel", "mode P, expected RGB of 8 bits a channel"]
    told = explain(Example("42", "1.png", "wrong_mode", details[0]), "images", read_recipe(None), details)
    assert "Of the rejected ones 1 have mode L, 1 have mode P." in told


def test_names_from_a_catalogue_are_not_printed_raw() -> None:
    assert "\x1b" not in explain(Example("\x1b[2J", "\x07.jpg", "unreadable", "\x1b"), "images", read_recipe(None))


NEAR = {
    "in the image folder itself": ("a/1.jpg", "1.jpg"),
    "another ending": ("a/1.jpg", "a/1.png"),
    "large letters": ("a/1.jpg", "a/1.JPG"),
    "both": ("a/1.png", "1.jpeg"),
    "another name": ("a/1.jpg", "a/2.jpg"),
    "a folder": ("a/1.jpg", "1.png/x"),
    "a name that is too long": (f"a/{'1' * 300}.jpg", "a/1.jpg"),
}
NOT_NEAR = ("another name", "a folder", "a name that is too long")


@pytest.mark.parametrize("name", NEAR)
def test_a_file_that_may_be_the_missing_one_is_told(name: str, tmp_path: Path) -> None:
    wanted, there = NEAR[name]
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).touch()
    told = explain(Example("42", wanted, "missing_file", "there is no file"), str(tmp_path), read_recipe(None))
    assert (f"But there is {tmp_path / there};" in told) == (name not in NOT_NEAR)
    assert ("But there is" in told) == (name not in NOT_NEAR)


def test_no_file_is_looked_for_in_a_bucket() -> None:
    assert near_file("gs://bucket/images", "a/1.jpg") is None


# ---------------------------------------------------------------- whole runs


Change = Callable[[Image.Image], Image.Image]
FEW = ("--views", "1", "--crop", "64", "--set", "shards.min_bins=1")


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve simulated galaxies."""
    folder = tmp_path_factory.mktemp("rejects") / "sky"
    simulate(folder, 12, seed=3)
    return folder


def changed(sky: Path, folder: Path, change: Change, suffix: str = ".png") -> Path:
    """A copy of a sky with every image changed."""
    shutil.copytree(sky, folder)
    for path in folder.glob("images/*/*.jpg"):
        image = change(Image.open(path).convert("RGB"))
        path.unlink()
        image.save(path.with_suffix(suffix))
    for catalogue in folder.glob("*.parquet"):
        table = pq.read_table(catalogue)
        if "filename" in table.column_names:
            names = pa.array([name.replace(".jpg", suffix) for name in table["filename"].to_pylist()])
            table = table.set_column(table.column_names.index("filename"), "filename", names)
            pq.write_table(table, catalogue)
    return folder


def transparent(image: Image.Image) -> Image.Image:
    image.putalpha(254)
    return image


CHANGES: dict[str, tuple[Change, str, str, tuple[str, ...] | None]] = {
    "opaque RGBA": (lambda i: i.convert("RGBA"), "wrong_mode", "RGBA", ("--set", 'images.modes=["RGB","RGBA"]')),
    "grey": (lambda i: i.convert("L"), "wrong_mode", "mode L", ("--set", 'images.modes=["L"]')),
    "256 px": (lambda i: i.resize((256, 256)), "wrong_shape", "256 x 256", ("--set", "images.frame=256")),
    "not square": (lambda i: i.resize((424, 300)), "wrong_shape", "424 x 300", ("--set", "images.fit=resize")),
    "grey with alpha": (lambda i: i.convert("LA"), "wrong_mode", "mode LA", None),
    "a palette": (lambda i: i.convert("P"), "wrong_mode", "mode P", None),
}


def refused(result: Result, reason: str, detail: str) -> None:
    assert result.code == 1
    assert f"{reason} 12" in result.err
    assert detail in result.err
    assert "For example galaxy " in result.err
    assert "/images/" in result.err


@pytest.mark.slow
@pytest.mark.parametrize(("change", "reason", "detail", "cure"), CHANGES.values(), ids=CHANGES)
def test_a_folder_of_other_images(
    sky: Path, tmp_path: Path, change: Change, reason: str, detail: str, cure: tuple[str, ...] | None
) -> None:
    data, out = changed(sky, tmp_path / "sky", change), tmp_path / "out"
    dry = gzprep("run", "--data", data, "--out", out, *FEW, "--dry-run")
    assert dry.code == 0
    assert f"12 of the 12 galaxies tried were rejected ({reason} 12)." in dry.out
    assert "0 bytes" not in dry.out
    result = gzprep("run", "--data", data, "--out", out, *FEW)
    refused(result, reason, detail)
    assert pq.read_table(out / "rejects.parquet")["reason"].to_pylist() == [reason] * 12
    assert not (out / "manifest.json").exists()
    if cure is not None:
        assert cure[1].split("=")[0] in result.err
        again = gzprep("run", "--data", data, "--out", out, *FEW, *cure, "--set", "max_reject_share=0.5")
        assert again.code == 0, again.err
        assert manifest(out)["counts"]["all"]["out"] >= 6
        assert not (out / ".gzprep" / "refused.json").exists()


@pytest.mark.slow
def test_an_image_that_is_not_opaque_is_rejected_where_rgba_is_allowed(sky: Path, tmp_path: Path) -> None:
    data = changed(sky, tmp_path / "sky", transparent)
    result = gzprep("run", "--data", data, "--out", tmp_path / "out", *FEW, "--set", 'images.modes=["RGBA"]')
    refused(result, "wrong_mode", "an alpha channel that is not opaque everywhere")


@pytest.mark.slow
def test_grey_is_repeated_over_three_channels(sky: Path, tmp_path: Path) -> None:
    data = changed(sky, tmp_path / "sky", lambda image: image.convert("L"))
    settings = ("--set", 'images.modes=["L"]', "--set", "crop.encoding=png", "--set", "max_reject_share=1")
    assert gzprep("run", "--data", data, "--out", tmp_path / "out", *FEW, *settings).code == 0
    from gzprep.dataset.read import read_shard
    from tests.gz2 import read_record

    for path in (tmp_path / "out").glob("gz2-test.tfrecord-*"):
        for record in map(read_record, read_shard(path)):
            pixels = np.asarray(Image.open(io.BytesIO(record.image)))
            assert (pixels == pixels[..., :1]).all()


def test_a_finished_folder_is_still_protected(dataset: Path, small_sky: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset, tmp_path / "out")
    result = gzprep("run", "--data", small_sky, "--out", tmp_path / "out", "--crop", "32")
    assert result.code == 1
    assert "--overwrite" in result.err


# ---------------------------------------------------------------- the folder of a refused run


def refuse(sky: Path, out: Path) -> tuple[object, ...]:
    """Let a run stop for too many rejects; the command without its recipe."""
    command = ("run", "--data", sky, "--out", out, "--views", "1", "--set", "max_reject_share=0")
    result = gzprep(*command, "--crop", "32", "--set", "shards.min_bins=1", "--set", "images.frame=425")
    assert (result.code, "images.frame=424" in result.err) == (1, True)
    return command


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_dry_run_of_a_corrected_command_changes_nothing(sky: Path, tmp_path: Path) -> None:
    command = refuse(sky, tmp_path / "out")
    before = content(tmp_path / "out")
    result = gzprep(*command, "--crop", "64", "--set", "shards.min_bins=2", "--dry-run", "--json")
    assert result.code == 0
    assert json.loads(result.out)["splits"]["train"]["files"] == 10  # as in a new folder
    assert content(tmp_path / "out") == before


@pytest.mark.slow
def test_a_corrected_command_makes_what_it_would_make_in_a_new_folder(sky: Path, tmp_path: Path) -> None:
    refuse(sky, tmp_path / "out")
    shards = {}
    for name in ("out", "new"):
        made = gzprep("run", "--data", sky, "--out", tmp_path / name, *FEW, "--set", "max_reject_share=1")
        assert made.code == 0, made.err
        shards[name] = {file: data for file, data in content(tmp_path / name).items() if ".tfrecord-" in file}
    assert shards["out"] == shards["new"]


@pytest.mark.slow
def test_a_run_that_failed_before_its_first_bin_leaves_the_folder_to_any_recipe(sky: Path, tmp_path: Path) -> None:
    command = ("run", "--data", sky, "--out", tmp_path / "out", *FEW, "--set", "max_reject_share=1")
    failed = gzprep(*command, "--seed", "1", "--", "--no_such_option=1")
    assert (failed.code, "no_such_option" in failed.err) == (2, True)
    assert gzprep(*command).code == 0
    assert manifest(tmp_path / "out")["recipe"]["seed"] == 0


@pytest.mark.slow
def test_a_whole_data_set_stays_whole_where_fewer_rejects_are_allowed_later(sky: Path, tmp_path: Path) -> None:
    command = ("run", "--data", sky, "--out", tmp_path / "out", *FEW, "--set")
    frame = ("--set", "images.frame=424", "--set", "defects.frame_edge.threshold=0", "--set")
    assert gzprep(*command, "max_reject_share=1", *frame, "defects.frame_edge.policy=drop").code == 0
    before = content(tmp_path / "out")
    result = gzprep(*command, "max_reject_share=0.1", *frame, "defects.frame_edge.policy=drop")
    assert (result.code, "For example galaxy" in result.err) == (1, True)
    after = content(tmp_path / "out")
    assert after.pop(".gzprep/plan.json") != before.pop(".gzprep/plan.json")  # it has the share
    assert after == before


# ---------------------------------------------------------------- JPEGs that end oddly


def stray(sky: Path, tmp_path: Path, change: Callable[[bytes, int], bytes]) -> Path:
    """A copy of a sky; each JPEG's bytes are changed, given the place of its end marker."""
    shutil.copytree(sky, tmp_path / "sky")
    for path in (tmp_path / "sky" / "images").glob("*/*.jpg"):
        data = path.read_bytes()
        path.write_bytes(change(data, data.rfind(b"\xff\xd9")))
    return tmp_path / "sky"


@pytest.mark.slow
def test_stray_bytes_are_told_and_change_no_pixel(sky: Path, tmp_path: Path) -> None:
    data = stray(sky, tmp_path, lambda jpeg, end: jpeg[:end] + b"\x7f" * 8 + jpeg[end:])
    for name, folder in (("odd", data), ("plain", sky)):
        made = gzprep("run", "--data", folder, "--out", tmp_path / name, *FEW, "--set", "max_reject_share=1")
        assert made.code == 0, made.err
    plain, odd = (manifest(tmp_path / name) for name in ("plain", "odd"))
    assert odd["counts"]["all"]["out"] == plain["counts"]["all"]["out"]
    assert odd["counts"]["all"]["flagged"]["stray_bytes"] > 0
    assert [shard["sha256"] for shard in odd["splits"]["train"]["shards"]] == [
        shard["sha256"] for shard in plain["splits"]["train"]["shards"]
    ]
    told = json.loads(gzprep("inspect", data, "--json").out)
    assert any("8 stray bytes before the end marker; every pixel is there" in row.get("detail", "") for row in told)


@pytest.mark.slow
def test_another_threshold_keeps_what_the_decoder_told(sky: Path, tmp_path: Path) -> None:
    data = stray(sky, tmp_path, lambda jpeg, end: jpeg[:end] + b"\x7f" * 3 + jpeg[end:])
    call = ("run", "--data", data, "--out", tmp_path / "out", *FEW, "--set", "max_reject_share=1")
    assert gzprep(*call).code == 0
    before = manifest(tmp_path / "out")["counts"]["all"]["flagged"]["stray_bytes"]
    assert gzprep(*call, "--set", "defects.frame_edge.threshold=39").code == 0
    assert manifest(tmp_path / "out")["counts"]["all"]["flagged"]["stray_bytes"] == before > 0
