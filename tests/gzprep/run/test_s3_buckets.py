"""A bucket of S3, on moto."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bucket_suite import Bucket, BucketBasics, BucketUse, bucket, dataset, no_waiting, open_bucket, small_sky

pytestmark = pytest.mark.slow

__all__ = ["bucket", "dataset", "no_waiting", "small_sky"]


@pytest.fixture(scope="module")
def shared(small_sky: Path) -> Iterator[Bucket]:
    yield from open_bucket("s3", small_sky)


class TestS3(BucketBasics):
    """Every promise about buckets, for s3://."""


@pytest.mark.thorough
class TestUseOfS3(BucketUse):
    """What is done with it, as gs:// shows in every `make test`."""
