"""Whatever stands in a dataset folder: verify names it, preview and inspect end in one sentence, memory stays small."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gzprep.tools.contact_sheet import LARGEST_TILE, caption, tile
from tests.hostile_datasets import (
    CHANGED,
    Changed,
    endless_record,
    first_full,
    first_record,
    in_catalogue,
    in_manifest,
    many_copies,
    read_records,
    record_of,
    rewrite,
)
from tests.hostile_images import _jpeg_that_claims, _png_bomb, _saved
from tests.running import ROOT, child_environment, gzprep, manifest

MOST_KB = 450_000
"""Memory of a command, of which the sound folder takes about 200,000; what the folders claim would take gigabytes."""


@pytest.fixture
def out(dataset: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dataset, tmp_path / "out"))


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_verify_names_it(out: Path, changed: Changed) -> None:
    changed.change(out)
    result = gzprep("verify", out)
    assert result.code == 1
    assert "Traceback" not in result.err
    assert changed.verify in result.out + result.err


def test_of_many_faults_the_first_are_named_and_the_others_counted(out: Path) -> None:
    many_copies(out)
    in_manifest(65, "recipe", "crop", "size")(out)
    faults = gzprep("verify", out, "--json").json["faults"]
    assert len([fault for fault in faults if "the manifest says 65 x 65" in fault]) == 100
    assert any(fault.startswith("There are ") and fault.endswith(" more faults of this kind.") for fault in faults)


# ---------------------------------------------------------------- preview


def first_galaxy(out: Path, split: str = "train") -> str:
    with first_full(out, split).open("rb") as file:
        return record_of(next(read_records(file))).id


PREVIEW: dict[str, tuple[Callable[[Path], object], str]] = {
    "a record of 2**60 bytes": (endless_record, f"it has {1 << 60} bytes"),
    "a PNG bomb": (first_record("train", image=_png_bomb(9000)), "its image has 9000 x 9000 px; the manifest says 64"),
    "a JPEG that claims 12.9 GB": (
        first_record("train", image=_jpeg_that_claims(65_500, 65_500)),
        "its image has 65500 x 65500 px",
    ),
    "an image of the frame's size": (first_record("train", image=_saved("JPEG")), "its image has 424 x 424 px"),
    "no image": (first_record("train", image=b""), "the file is empty"),
    "3000 records": (many_copies, "has more than 3 records"),
    "a shard elsewhere": (CHANGED["a shard elsewhere"].change, "is not the name of a shard"),
    "a shard above": (CHANGED["a shard above"].change, "is not the name of a shard"),
    "another shard": (in_catalogue("shard", lambda shards: [999] * len(shards)), "is in shard 999 of train, which has"),
    "a shard of -1": (in_catalogue("shard", lambda shards: [-1] * len(shards)), "is in shard -1 of train"),
    "no shard": (in_catalogue("shard", lambda shards: [None] * len(shards)), "is in shard None of train"),
    "ops that are a number": (first_record("train", ops=b"7"), "its ops are not a list"),
    "a record that is no Example": (
        lambda out: rewrite(out, "train", lambda records: [b"junk", *records]),
        "record 1 cannot be used",
    ),
}


@pytest.mark.parametrize(("change", "sentence"), PREVIEW.values(), ids=PREVIEW)
def test_preview_ends_in_one_sentence(
    out: Path, tmp_path: Path, change: Callable[[Path], object], sentence: str
) -> None:
    galaxy = first_galaxy(out)
    change(out)
    result = gzprep("preview", out, "--id", galaxy, "--png", tmp_path / "sheet.png")
    assert result.code == 1
    assert sentence in result.sentence
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize("name", ["x.jpg", "x", "x.png.webp", ".png"])
def test_a_sheet_is_a_png_by_its_name_too(dataset: Path, tmp_path: Path, name: str) -> None:
    result = gzprep("preview", dataset, "--id", first_galaxy(dataset), "--png", tmp_path / name)
    assert result.code == 2
    assert "give a name that ends in .png" in result.sentence
    assert not (tmp_path / name).exists()


def test_capitals_are_an_ending_too(dataset: Path, tmp_path: Path) -> None:
    assert gzprep("preview", dataset, "--id", first_galaxy(dataset), "--png", tmp_path / "x.PNG").code == 0


OPS: dict[str, tuple[bytes, str]] = {
    "unknown": (b'[{"op":"melt"}]', 'unknown: {"op": "melt"}'),
    "no name": (b"[{}]", "unknown: {}"),
    "a text": (b'["flip"]', 'unknown: "flip"'),
    "no number": (b'[{"op":"zoom","zoom":"far"}]', "unknown: "),
    "control characters": (b'[{"op":"flip","flip":"\\u001b[31m\\n"}]', r"flip \x1b[31m\n"),
    "long": (b'[{"op":"flip","flip":"' + b"x" * 10**6 + b'"}]', "flip xxx"),
}


@pytest.mark.parametrize(("ops", "line"), OPS.values(), ids=OPS)
def test_a_caption_of_anything(out: Path, ops: bytes, line: str) -> None:
    first_record("train", ops=ops)(out)
    with first_full(out, "train").open("rb") as file:
        lines = caption(record_of(next(read_records(file))))
    assert lines[1].startswith(line)
    assert all(len(line) <= 60 and line.isprintable() for line in lines)


def test_many_operations_are_counted(out: Path) -> None:
    first_record("train", ops=json.dumps([{"op": "none"}] * 10_000).encode())(out)
    with first_full(out, "train").open("rb") as file:
        lines = caption(record_of(next(read_records(file))))
    assert len(lines) == 16
    assert lines[-1] == "and 9986 more"


@pytest.mark.slow
def test_a_large_crop_is_drawn_smaller(out: Path) -> None:
    png = np.zeros((3000, 3000, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(png).save(file, "PNG")
    first_record("train", image=file.getvalue())(out)
    with first_full(out, "train").open("rb") as shard:
        assert tile(record_of(next(read_records(shard))), 3000).shape == (LARGEST_TILE, LARGEST_TILE, 3)


# ---------------------------------------------------------------- inspect


INSPECT: dict[str, Callable[[Path], object]] = {
    "another verdict": in_catalogue("verdict", lambda verdicts: ["x", *verdicts[1:]]),
    "flags that are a number": in_catalogue("flags", lambda flags: [1] * len(flags)),
    "a score that is a text": in_catalogue("score_black_line", lambda scores: ["high"] * len(scores)),
    "lines of another kind": in_catalogue("line_black_line", lambda lines: [{"a": 1.0}] * len(lines)),
    "no column": lambda out: pq.write_table(pa.table({"id_str": ["1"]}), out / "catalogue.parquet"),
}


@pytest.mark.parametrize("change", INSPECT.values(), ids=INSPECT)
def test_inspect_of_a_changed_catalogue_is_one_sentence(out: Path, change: Callable[[Path], object]) -> None:
    change(out)
    result = gzprep("inspect", out, "--json")
    assert result.code == 1
    assert "is damaged" in result.sentence


SOURCES: dict[str, dict[str, object]] = {
    "an absolute folder of images": {"images": "/etc"},
    "a folder above": {"images": "../.."},
    "data that is a number": {"data": 7},
    "catalogues that are a text": {"catalogues": "x"},
}


@pytest.mark.parametrize("said", SOURCES.values(), ids=SOURCES)
def test_images_elsewhere_are_not_shown(out: Path, tmp_path: Path, said: dict[str, object]) -> None:
    in_manifest(manifest(out)["source"] | said, "source")(out)
    result = gzprep("inspect", out, "--html", tmp_path / "page")
    assert result.code == 1
    assert f"source.{next(iter(said))}" in result.sentence
    assert not (tmp_path / "page").exists()


NAMES = {
    "markup": "<script>alert(1)<.jpg",
    "an attribute": '" onerror="alert(1).jpg',
    "control characters": "a\x1b[31m\r\nb.jpg",
    "not UTF-8": os.fsdecode(b"\xff\xfe.jpg"),
    "right to left": "a\u202egpj.jpg",
}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_are_text_and_nothing_else(tmp_path: Path, name: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / name).write_bytes(_saved("JPEG"))
    result = gzprep("inspect", tmp_path / "images", "--html", tmp_path / "page")
    assert result.code == 0, result.err
    assert result.out.splitlines()[0].startswith("ok ")
    page = (tmp_path / "page" / "index.html").read_bytes().decode()
    shown = [char for char in page + result.out + result.err if not (char.isprintable() or char == "\n")]
    assert not shown
    assert "<script>alert" not in page
    assert '" onerror="' not in page
    assert gzprep("inspect", tmp_path / "images", "--json").json[0]["verdict"] == "ok"


# ---------------------------------------------------------------- memory

MEMORY = {
    "verify": ("a PNG bomb", "views.count of 10**8", "records of 2**60", "a record of 2**60 bytes", "20 million rows"),
    "preview": ("a PNG bomb", "views.count of 10**8", "a record of 2**60 bytes", "a JPEG that claims 12.9 GB"),
}
SHOWN = {
    *(("verify", name) for name in ("a PNG bomb", "views.count of 10**8", "a record of 2**60 bytes")),
    *(("preview", name) for name in ("a PNG bomb", "a JPEG that claims 12.9 GB")),
}
PROGRAM = """
import sys
from gzprep.cli import main
sys.argv[0] = "gzprep"
try:
    main()
finally:
    lines = open("/proc/self/status").read().splitlines()
    sys.stderr.write(next(line for line in lines if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux tells the memory")
@pytest.mark.parametrize(
    ("command", "name"),
    [
        pytest.param(key, name, marks=[] if (key, name) in SHOWN else [pytest.mark.thorough])
        for key, names in MEMORY.items()
        for name in names
    ],
)
def test_memory_stays_small(out: Path, tmp_path: Path, command: str, name: str) -> None:
    galaxy = first_galaxy(out)
    CHANGED[name].change(out)
    options = [] if command == "verify" else ["--id", galaxy, "--png", str(tmp_path / "sheet.png")]
    call = [sys.executable, "-c", PROGRAM, command, str(out), *options]
    done = subprocess.run(call, capture_output=True, text=True, env=child_environment(), cwd=ROOT, check=False)
    if command == "verify":
        assert CHANGED[name].verify in done.stdout + done.stderr
    else:
        told = "views of" in done.stdout or "is damaged" in done.stderr or "cannot be shown" in done.stderr
        assert told, done.stderr
    assert int(done.stderr.split()[-2]) < MOST_KB
