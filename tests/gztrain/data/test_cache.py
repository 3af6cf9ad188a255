"""A data set in a bucket trains like one on a disk: its shards come when they are used, and are checked."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from gzcore.errors import GzError
from gzcore.storage import buckets, retry
from gzcore.storage.places import Url
from gztrain.data import open_reader
from gztrain.data.dataset import open_dataset
from gztrain.data.selection import select
from tests import clouds
from tests.clouds import Faulty, Rule, cut_within, status

pytestmark = pytest.mark.slow

VARIABLES = {"gs": "STORAGE_EMULATOR_HOST", "s3": "AWS_ENDPOINT_URL_S3"}


@dataclass(frozen=True)
class DistantDataset:
    """A data set in a bucket, and the proxy on the way to it."""

    url: Url
    proxy: Faulty

    def fetched(self) -> list[str]:
        """Names of the objects that were asked for."""
        asked = [request for request in self.proxy.seen if request.method == "GET"]
        return sorted({Path(request.name).name for request in asked if "." in Path(request.name).name})


@pytest.fixture(scope="module", params=clouds.CLOUDS)
def bucket(request: pytest.FixtureRequest, dataset: Path) -> Iterator[DistantDataset]:
    scheme = request.param
    cloud, variable = clouds.CLOUDS[scheme]
    with cloud() as target, pytest.MonkeyPatch.context() as patch:
        proxy = Faulty(target)
        with proxy.running() as address:
            patch.setenv(variable, address)
            for name, value in clouds.CREDENTIALS.items():
                patch.setenv(name, value)
            buckets._store_of.cache_clear()
            url = Url(scheme, clouds.BUCKET, "sets/small")
            clouds.upload(dataset, url)
            yield DistantDataset(url, proxy)
            buckets._store_of.cache_clear()


@pytest.fixture
def place(bucket: DistantDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DistantDataset:
    """The data set in a bucket, with an empty cache."""
    monkeypatch.setenv("GZTRAIN_CACHE", str(tmp_path / "cache"))
    bucket.proxy.rules.clear()
    bucket.proxy.seen.clear()
    return bucket


@pytest.mark.parametrize("kind", ["native", "tf"])
def test_shards_are_read_as_from_a_disk(place: DistantDataset, dataset: Path, kind: str) -> None:
    far, near = open_dataset(place.url), open_dataset(dataset)
    reader = open_reader(kind, threads=2, prefetch=1, skip_damaged=False)
    batches = []
    for one in (far, near):
        selection = select(one, folds=[0, 1], views=2)
        batches.append(list(reader.batches(selection, np.arange(len(selection)), 16)))
    assert len(batches[0]) == len(batches[1]) > 0
    for ours, theirs in zip(*batches, strict=True):
        assert ours.ids == theirs.ids
        np.testing.assert_array_equal(ours.images, theirs.images)
        np.testing.assert_array_equal(ours.label_asked, theirs.label_asked)


def test_bring_only_what_is_used_and_once(place: DistantDataset, capsys: pytest.CaptureFixture[str]) -> None:
    far = open_dataset(place.url)
    assert place.fetched() == ["manifest.json"]
    select(far, folds=[3])
    assert [name for name in place.fetched() if "tfrecord" in name] == ["gz2-train.tfrecord-00003-of-00005"]
    assert f"from {place.url} into {far.root}" in capsys.readouterr().err
    place.proxy.seen.clear()
    select(open_dataset(place.url), folds=[3])
    assert place.fetched() == ["manifest.json"]
    assert (far.source, far.place) == (place.url, place.url)
    assert not list(far.root.glob(".*"))  # nothing but manifest and shards


def test_faults_are_tried_again(place: DistantDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST", 0.0005)
    place.proxy.rules += [
        Rule("GET", r"manifest\.json", status(503), 1),
        Rule("GET", r"train\.tfrecord-00002", cut_within, 1),
    ]
    far = open_dataset(place.url)
    assert len(select(far, folds=[2])) > 0
    assert not any(rule.times for rule in place.proxy.rules)


def test_shards_of_an_older_data_set_are_forgotten(place: DistantDataset) -> None:
    far = open_dataset(place.url)
    select(far, folds=[0, 1])
    kept, changed = (shard.path for shard in far.shards_of("train", [0, 1]))
    document = json.loads((place.url / "manifest.json").read_text())
    before = json.dumps(document)
    document["splits"]["train"]["shards"][1]["sha256"] = "0" * 64
    try:
        (place.url / "manifest.json").put(io.BytesIO(json.dumps(document).encode()))
        again = open_dataset(place.url)
        assert (kept.exists(), changed.exists()) == (True, False)
        with pytest.raises(GzError, match="is not what its manifest says"):
            select(again, folds=[1])
        assert not changed.exists()
    finally:
        (place.url / "manifest.json").put(io.BytesIO(before.encode()))


def test_without_a_data_set_are_told(place: DistantDataset) -> None:
    with pytest.raises(GzError, match="There is no whole dataset folder at"):
        open_dataset(place.url.parent)
