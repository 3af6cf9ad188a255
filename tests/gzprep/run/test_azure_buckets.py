"""A container of Azure, on the few requests of it that we make (tests/object_stores.py)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bucket_suite import Bucket, BucketBasics, BucketUse, bucket, dataset, no_waiting, open_bucket, small_sky

pytestmark = pytest.mark.slow

__all__ = ["bucket", "dataset", "no_waiting", "small_sky"]


@pytest.fixture(scope="module")
def shared(small_sky: Path) -> Iterator[Bucket]:
    yield from open_bucket("az", small_sky)


class TestAzure(BucketBasics):
    """Every promise about buckets, for az://."""


@pytest.mark.thorough
class TestUseOfAzure(BucketUse):
    """What is done with it, as gs:// shows in every `make test`."""
