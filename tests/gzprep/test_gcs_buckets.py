"""A bucket of Google Cloud Storage, on gcp-storage-emulator."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import clouds
from tests.bucket_suite import Bucket, BucketSuite, bucket, no_waiting, open_bucket

__all__ = ["bucket", "no_waiting"]


@pytest.fixture(scope="module")
def shared(small_sky: Path) -> Iterator[Bucket]:
    with clouds.google() as address:
        yield from open_bucket("gs", "STORAGE_EMULATOR_HOST", small_sky, address)


class TestGcs(BucketSuite):
    """Every promise about buckets, for gs://."""
