"""Every recipe in every way gives the bytes that were recorded, and training its weights.."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gzcore.storage import buckets
from gzcore.storage.places import Url
from tests import clouds
from tests.engines.services import portable
from tests.running import shard_sums
from tests.same_bytes.making import BACKENDS, WHOLE, make, processor, recorded, train

WAYS = {
    "1 worker": ("--workers", "1"),
    "2 workers": ("--workers", "2"),
    "Prism": ("--runner", "PrismRunner"),
    "Flink": ("--runner", "FlinkRunner", "--workers", "2"),
}
SMALL = [name for name in WHOLE if name != "gz2-report"]
"""What every engine and bucket makes; the whole of the report's recipe is made by workers alone."""


@pytest.mark.parametrize("way", ["1 worker", "2 workers"])
@pytest.mark.parametrize("name", WHOLE)
def test_workers(name: str, way: str, gz2: Path, tmp_path: Path) -> None:
    assert make(WHOLE[name], gz2, tmp_path / "out", *WAYS[way]) == recorded()["shards"][name]


@pytest.mark.parametrize("way", ["Prism", "Flink"])
@pytest.mark.parametrize("name", SMALL)
def test_engines(name: str, way: str, gz2: Path, tmp_path: Path) -> None:
    assert make(WHOLE[name], gz2, tmp_path / "out", *WAYS[way]) == recorded()["shards"][name]


@pytest.fixture(scope="module")
def pool() -> Iterator[tuple[str, ...]]:
    """Options of a job service with a worker pool."""
    with portable() as options:
        yield options


@pytest.mark.parametrize("name", SMALL)
def test_portable_pool(name: str, pool: tuple[str, ...], gz2: Path, tmp_path: Path) -> None:
    way = ("--runner", "PortableRunner", "--", *pool)
    assert make(WHOLE[name], gz2, tmp_path / "out", *way) == recorded()["shards"][name]


@pytest.fixture(scope="module", params=clouds.CLOUDS)
def scheme(request: pytest.FixtureRequest) -> Iterator[str]:
    """A bucket on loopback; its scheme."""
    start, variable = clouds.CLOUDS[request.param]
    with start() as address, pytest.MonkeyPatch.context() as patch:
        for name, value in (clouds.CREDENTIALS | {variable: address}).items():
            patch.setenv(name, value)
        buckets._store_of.cache_clear()  # it may know an emulator that has ended
        yield request.param
        buckets._store_of.cache_clear()


@pytest.mark.parametrize("name", [name for name in SMALL if WHOLE[name].real])
def test_from_bucket_to_bucket(name: str, scheme: str, gz2: Path, tmp_path: Path) -> None:
    data, out = (Url(scheme, clouds.BUCKET, f"{name}/{part}") for part in ("data", "out"))
    clouds.upload(gz2, data)
    options = [*WHOLE[name].arguments(Path("/")), "--out", str(out), "--set", "max_reject_share=1"]
    options[options.index("--data") + 1] = str(data)
    # In a process of its own: workers are forked from a server that keeps the environment of the first emulator.
    call = [sys.executable, "-m", "gzprep", "run", *options, "--workers", "2"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert shard_sums(clouds.download(out, tmp_path)) == recorded()["shards"][name]


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights(backend: str, gz2: Path, tmp_path: Path) -> None:
    known = recorded()["weights"].get(processor())
    if known is None:
        pytest.skip(f"no weights are recorded for {processor()}; tests/same_bytes/record.py says how")
    make(WHOLE["gz2-cnn"], gz2, tmp_path / "out")
    assert train(tmp_path / "out", tmp_path / "run", backend) == known[backend]
