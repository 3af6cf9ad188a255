"""A bucket of Google Cloud Storage, on gcp-storage-emulator."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bucket_suite import (
    Bucket,
    BucketBasics,
    BucketUse,
    bucket,
    check_is,
    dataset,
    no_waiting,
    open_bucket,
    small_sky,
)
from tests.running import SMALL

pytestmark = pytest.mark.slow

__all__ = ["bucket", "dataset", "no_waiting", "small_sky"]


@pytest.fixture(scope="module")
def shared(small_sky: Path) -> Iterator[Bucket]:
    yield from open_bucket("gs", small_sky)


class TestGcs(BucketBasics):
    """Every promise about buckets, for gs://."""


class TestUseOfGcs(BucketUse):
    """What is done with it. S3 and Azure show it in `make thorough`: their emulators take longer."""


def test_gcs_is_reached_by_worker_processes_too(bucket: Bucket, dataset: Path, tmp_path: Path) -> None:
    out = bucket.place("by processes")
    call = ["run", "--data", str(bucket.sky), "--out", str(out), *SMALL, "--workers", "2"]
    whole = [sys.executable, "-m", "gzprep", *call]
    done = subprocess.run(whole, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    check_is(out, dataset, tmp_path)
