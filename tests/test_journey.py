"""The journey on real galaxies, as the README tells it: run, read with tf.data and another reader, verify."""

import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.running import gzprep, manifest, shard_sums

pytestmark = pytest.mark.slow

CROPS = {"cnn": ("--crop", "224", "--views", "3"), "vit": ("--crop", "256", "--views", "1")}


@pytest.fixture(scope="module", params=["cnn", pytest.param("vit", marks=pytest.mark.thorough)])
def real_set(request: pytest.FixtureRequest, gz2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real galaxies, prepared at both sizes."""
    out = tmp_path_factory.mktemp("journey") / request.param
    result = gzprep("run", "--runner", "DirectRunner", "--data", gz2, "--out", out, *CROPS[request.param])
    assert result.code == 0, result.err
    return out


def views(out: Path) -> int:
    return int(manifest(out)["recipe"]["views"]["count"])


def test_every_galaxy_is_accounted_for(real_set: Path) -> None:
    counts = manifest(real_set)["counts"]
    rejects = pq.read_table(real_set / "rejects.parquet")
    assert counts["all"]["in"] == 750
    assert counts["all"]["out"] + rejects.num_rows == 750
    assert rejects.column_names[0] == "id"
    assert pq.read_metadata(real_set / "catalogue.parquet").num_rows == 750


def test_tf_data_reads_every_record(real_set: Path) -> None:
    import tensorflow as tf

    spec: dict[str, Any] = {"id": tf.io.FixedLenFeature([], tf.string), "image": tf.io.FixedLenFeature([], tf.string)}
    spec |= {name: tf.io.FixedLenFeature([], tf.int64) for name in ("view", "fold")}
    spec |= {name: tf.io.FixedLenFeature([22], tf.int64) for name in ("label_report", "label_asked", "mask")}
    spec |= {"fraction": tf.io.FixedLenFeature([32], tf.float32), "votes": tf.io.FixedLenFeature([11], tf.float32)}
    files = sorted(str(path) for path in real_set.glob("gz2-*.tfrecord-*"))
    crop = manifest(real_set)["recipe"]["crop"]["size"]
    seen: Counter[str] = Counter()
    labels: dict[str, set[bytes]] = {}

    def read(data: Any) -> dict[str, Any]:
        record = tf.io.parse_single_example(data, spec)
        return {**record, "image": tf.shape(tf.io.decode_jpeg(record["image"]))}

    for record in tf.data.TFRecordDataset(files).map(read).as_numpy_iterator():
        galaxy = record["id"].decode()
        assert record["image"].tolist() == [crop, crop, 3]
        seen[galaxy] += 1
        told = b"".join(record[name].tobytes() for name in ("label_report", "label_asked", "mask", "fraction"))
        labels.setdefault(galaxy, set()).add(told)
    splits = {row["id_str"]: row for row in pq.read_table(real_set / "catalogue.parquet").to_pylist()}
    accepted = {galaxy: row["split"] for galaxy, row in splits.items() if row["verdict"] != "rejected"}
    assert seen == {galaxy: 1 + views(real_set) * (split == "train") for galaxy, split in accepted.items()}
    assert all(len(told) == 1 for told in labels.values())  # all views of a galaxy have the same labels


def test_an_independent_reader_reads_every_record(real_set: Path) -> None:
    files = sorted(str(path) for path in real_set.glob("gz2-*.tfrecord-*"))
    script = Path(__file__).parent / "independent_reader.py"
    done = subprocess.run([sys.executable, script, *files], capture_output=True, text=True, check=True)
    read = json.loads(done.stdout)
    splits = manifest(real_set)["splits"]
    assert read == {"records": sum(split["records"] for split in splits.values()), "twice": 0, "odd": 0}


def test_verify_makes_fifty_records_again(real_set: Path) -> None:
    result = gzprep("verify", real_set, "--replay", "50", "--json")
    told = {key: result.json[key] for key in ("ok", "faults", "replayed")}
    assert told == {"ok": True, "faults": [], "replayed": 50}


def test_view_zero_is_the_centre_crop_of_the_source(real_set: Path, gz2: Path) -> None:
    import tensorflow as tf
    from PIL import Image

    rows = {row["id_str"]: row for row in pq.read_table(real_set / "catalogue.parquet").to_pylist()}
    start = (424 - manifest(real_set)["recipe"]["crop"]["size"]) // 2
    spec = {name: tf.io.FixedLenFeature([], tf.string) for name in ("id", "image")}
    for data in tf.data.TFRecordDataset([str(path) for path in real_set.glob("gz2-test.tfrecord-*")]).take(60):
        record = tf.io.parse_single_example(data, spec)
        row = rows[record["id"].numpy().decode()]
        source = np.asarray(Image.open(gz2 / "images" / row["subfolder"] / row["filename"])).astype(float)
        wanted = source[start : 424 - start, start : 424 - start]
        crop = np.asarray(Image.open(io.BytesIO(record["image"].numpy()))).astype(float)
        error = np.abs(crop - wanted).mean()
        assert error < 3.0  # grey levels; JPEG of quality 90 with halved colour on a noisy sky
        # Off by one pixel, or with its channels swapped, a crop is farther away than JPEG takes it.
        others = (np.roll(wanted, 1, axis=0), np.roll(wanted, 1, axis=1), wanted[..., ::-1])
        assert all(error < np.abs(crop - other).mean() for other in others)


def test_two_runs_give_the_same_bytes_and_a_seed_moves_the_views_alone(gz2: Path, tmp_path: Path) -> None:
    few = ("--data", gz2, "--limit", "30", "--views", "2", "--crop", "64")
    for name, seed in {"one": "0", "two": "0", "other": "1"}.items():
        assert gzprep("run", *few, "--out", tmp_path / name, "--seed", seed).code == 0
    one, two, other = (shard_sums(tmp_path / name) for name in ("one", "two", "other"))
    assert one == two
    moved = {name for name in one if one[name] != other[name]}
    assert moved
    assert all("train_views" in name for name in moved)
    full = [shard for shard in manifest(tmp_path / "one")["splits"]["train_views"]["shards"] if shard["records"]]
    assert moved == {shard["file"] for shard in full}
