"""verify finds what is wrong: each damage, by name, with the sentence it must cause."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from gzcore.dataset.tfrecord import frame, read_records
from gzprep.config import from_mapping
from gzprep.dataset.read import open_folder, read_shard, shard_paths
from gzprep.tools.compare_reference import Agreement
from tests.gz2 import read_record
from tests.running import gzprep, manifest


def first_full(out: Path, split: str) -> Path:
    shards = manifest(out)["splits"][split]["shards"]
    return out / next(shard["file"] for shard in shards if shard["records"] > 1)


def flip_a_byte(out: Path) -> None:
    path = first_full(out, "train")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut_short(out: Path) -> None:
    path = first_full(out, "train_views")
    path.write_bytes(path.read_bytes()[:-5])


def rewrite(out: Path, split: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Change the records of a shard and let the manifest agree, so that only the accounts can tell."""
    import hashlib

    path = first_full(out, split)
    with path.open("rb") as file:
        records = change(list(read_records(file)))
    path.write_bytes(b"".join(map(frame, records)))
    document = manifest(out)
    shard = next(shard for shard in document["splits"][split]["shards"] if shard["file"] == path.name)
    data = path.read_bytes()
    document["splits"][split]["records"] += len(records) - shard["records"]
    shard.update(records=len(records), bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    (out / "manifest.json").write_text(json.dumps(document))


def reject_a_written_galaxy(out: Path) -> None:
    table = pq.read_table(out / "catalogue.parquet")
    verdicts = table["verdict"].to_pylist()
    verdicts[verdicts.index("accepted")] = "rejected"
    import pyarrow as pa

    place = table.column_names.index("verdict")
    pq.write_table(table.set_column(place, "verdict", pa.array(verdicts)), out / "catalogue.parquet")


def swap_pixels(records: list[bytes]) -> list[bytes]:
    """Change one byte in the middle of an image: framing, schema and accounts all stay right."""
    data = bytearray(records[0])
    start = data.index(b"\xff\xda") + 100
    data[start] ^= 4
    return [bytes(data), *records[1:]]


def claim_another_size(records: list[bytes]) -> list[bytes]:
    """Let the JPEG of the first record claim to be 60,000 px wide."""
    data = bytearray(records[0])
    start = data.index(b"\xff\xc0") + 7
    data[start : start + 2] = (60_000).to_bytes(2, "big")
    return [bytes(data), *records[1:]]


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped byte": (flip_a_byte, "another SHA-256"),
    "a shard cut short": (cut_short, "bytes; the manifest says"),
    "no catalogue": (lambda out: (out / "catalogue.parquet").unlink(), "catalogue.parquet is absent or damaged"),
    "half of the rejects": (lambda out: (out / "rejects.parquet").write_bytes(b"PAR1"), "rejects.parquet is absent or"),
    "a shard gone": (lambda out: first_full(out, "test").unlink(), "is missing"),
    "a stray shard": (lambda out: (out / "gz2-train.tfrecord-00009-of-00010").touch(), "not in the manifest"),
    "a view lost": (lambda out: rewrite(out, "train_views", lambda records: records[1:]), "has the views"),
    "a record twice": (
        lambda out: rewrite(out, "train", lambda records: [*records, records[0]]),
        "has the views [0, 0]",
    ),
    "a record that is no Example": (lambda out: rewrite(out, "test", lambda records: [b"junk", *records]), "Example"),
    "an image of another size": (lambda out: rewrite(out, "train", claim_another_size), "its image has 60000 x "),
    "a rejected galaxy that is written": (reject_a_written_galaxy, "expected []"),
}


@pytest.mark.parametrize(("damage", "sentence"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_found(dataset: Path, tmp_path: Path, damage: Callable[[Path], object], sentence: str) -> None:
    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    damage(out)
    result = gzprep("verify", out, "--json")
    assert result.code == 1
    assert not result.json["ok"]
    assert any(sentence in fault for fault in result.json["faults"]), result.json["faults"]


def test_a_whole_folder_is_whole(dataset: Path) -> None:
    result = gzprep("verify", dataset, "--replay", "1000", "--json")
    assert result.code == 0
    assert result.json["replayed"] == result.json["records"] > 40


def test_replay_finds_pixels_that_differ(dataset: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    rewrite(out, "train", swap_pixels)
    assert gzprep("verify", out).code == 0  # nothing but the pixels can tell
    result = gzprep("verify", out, "--replay", "1000", "--json")
    assert result.code == 1
    assert ["made again, its record differs" in fault for fault in result.json["faults"]] == [True]


def test_replay_finds_the_source_elsewhere(dataset: Path, sky_copy: Path) -> None:
    assert gzprep("verify", dataset, "--replay", "10", "--data", sky_copy).code == 0


NOT_WHOLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "There is no dataset folder"),
    "no manifest": (lambda out: (out / "manifest.json").unlink(), "has no manifest.json"),
    "damaged manifest": (lambda out: (out / "manifest.json").write_text("{"), "is damaged"),
    "empty manifest": (lambda out: (out / "manifest.json").write_text("{}"), "is damaged"),
    "a list for a manifest": (lambda out: (out / "manifest.json").write_text("[]"), "is damaged"),
    "newer format": (
        lambda out: (out / "manifest.json").write_text(json.dumps(manifest(out) | {"format": 99})),
        "has format 99",
    ),
}


def test_a_view_that_cannot_be_decoded_is_one_sentence(dataset: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    rewrite(out, "train", claim_another_size)
    with first_full(out, "train").open("rb") as file:
        galaxy = read_record(next(read_records(file))).id
    result = gzprep("preview", out, "--id", galaxy, "--png", tmp_path / "sheet.png")
    assert result.code == 1
    assert f"View 0 of galaxy {galaxy} cannot be shown: " in result.sentence


@pytest.mark.parametrize(("damage", "sentence"), NOT_WHOLE.values(), ids=NOT_WHOLE.keys())
def test_what_cannot_be_verified_is_told(
    dataset: Path, tmp_path: Path, damage: Callable[[Path], object], sentence: str
) -> None:
    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    damage(out)
    result = gzprep("verify", out)
    assert result.code == 1
    assert sentence in result.sentence


# ---------------------------------------------------------------- the reference


def test_records_are_compared_with_albumentations(dataset: Path) -> None:
    result = gzprep("verify", dataset, "--replay", "20", "--reference", "albumentations", "--json").json
    reference = result["reference"]
    assert (reference["views"], reference["left_out"]) == (20, 0)
    assert reference["share_within_2"] > 0.999
    assert result["ok"]
    assert "20 views made again by albumentations" in reference["sentence"]


def test_a_reference_needs_records(dataset: Path) -> None:
    result = gzprep("verify", dataset, "--reference", "albumentations")
    assert (result.code, "--replay N" in result.sentence) == (2, True)


def test_images_that_are_too_far_from_the_reference_are_a_fault() -> None:
    assert list(Agreement(pixels=1000, near=995).all_faults()) == []
    assert list(Agreement().all_faults()) == []
    (fault,) = Agreement(pixels=1000, near=994).all_faults()
    assert fault == "Only 99.40 % of pixels are within 2 grey levels of albumentations; expected 99.5 %."


def test_a_record_that_its_ops_do_not_describe_is_a_fault(dataset: Path) -> None:
    folder, document = open_folder(dataset)
    recipe = from_mapping(document["recipe"])
    record = next(map(read_record, read_shard(next(shard_paths(folder, document, ["test"])))))
    agreement = Agreement()
    agreement.add(record, np.zeros((424, 424, 4), np.uint8), recipe)
    assert list(agreement.all_faults()) == [f"Galaxy {record.id}, view 0: its image is not what its ops describe."]
