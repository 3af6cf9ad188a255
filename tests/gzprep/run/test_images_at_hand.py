"""Images that are copied before workers begin: what waits for the copy, and what becomes of it in a run that ends."""

import pickle
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.errors import GzError
from gzprep.config import from_mapping
from gzprep.images.sources import ImageName, open_images
from gzprep.images.sources.parquet import ParquetImages, unpack
from gzprep.images.sources.tar import TarImages
from gzprep.prepare.job import PreparationJob
from gzprep.run.images_at_hand import images_at_hand
from tests.gzprep.jobs import small_job

IMAGES = {str(number): np.random.default_rng(number).bytes(100) for number in range(500)}


def parquet(path: Path) -> ParquetImages:
    table = pa.table({"id_str": list(IMAGES), "image": list(IMAGES.values())})
    pq.write_table(table, path, row_group_size=50)
    found = open_images(path, from_mapping({}))
    assert isinstance(found, ParquetImages)
    return found


@pytest.fixture
def job(small_sky: Path, tmp_path: Path) -> PreparationJob:
    """A job whose images lie in parquet."""
    made = small_job(small_sky, tmp_path / "out")
    return replace(made, source=replace(made.source, images=parquet(tmp_path / "images.parquet")))


def copies(job: PreparationJob) -> list[str]:
    return [path.name for path in Path(str(job.folder.temporaries)).rglob("images*")]


def test_each_image_is_at_hand_and_the_copy_goes_with_the_run(job: PreparationJob) -> None:
    with images_at_hand(job, here=True) as ready:
        images = ready().source.images
        assert isinstance(images, TarImages)
        assert {name: images.open(ImageName(name, "", "")) for name in IMAGES} == IMAGES
        assert copies(job)
    assert not copies(job)


def test_workers_elsewhere_find_the_copy_in_the_dataset_folder(job: PreparationJob) -> None:
    with images_at_hand(job, here=False) as ready:
        images = pickle.loads(pickle.dumps(ready().source.images))  # noqa: S301 -- as it is sent to them
    assert {name: images.open(ImageName(name, "", "")) for name in IMAGES} == IMAGES
    assert [place.parent for place in images.places] == [job.folder.temporaries]


def test_a_run_that_breaks_off_tells_the_copy_to_stop(job: PreparationJob, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []

    def endless(*given: Any) -> None:
        told.append(given[-1].wait(60))  # until it is told to stop
        raise CancelledError

    monkeypatch.setattr("gzprep.run.images_at_hand.unpack", endless)
    with pytest.raises(KeyboardInterrupt), images_at_hand(job, here=True):
        raise KeyboardInterrupt
    assert told == [True]
    assert not copies(job)


def test_a_copy_that_is_not_wanted_any_more_ends(tmp_path: Path) -> None:
    stopped = Event()
    stopped.set()
    with pytest.raises(CancelledError):
        unpack(parquet(tmp_path / "images.parquet"), tmp_path / "pack", tmp_path, stopped)
    assert not (tmp_path / "pack").stat().st_size


def test_who_waits_for_the_copy_is_told_what_is_damaged(job: PreparationJob, tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    data = bytearray(path.read_bytes())
    data[1000:9000] = bytes(8000)
    path.write_bytes(data)
    with images_at_hand(job, here=True) as ready, pytest.raises(GzError, match="cannot be read as parquet"):
        ready()
    assert not copies(job)
