"""fetch against a loopback server that serves galaxy-datasets' three files.

The library's list of URLs and MD5 sums is replaced, nothing else.
"""

import errno
import functools
import hashlib
import http.server
import importlib
import os
import shutil
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from galaxy_datasets.shared import download_utils

from gzcore.errors import GzError
from gzprep.catalogue.find import find_catalogues
from gzprep.tools.fetch import download, take_inventory
from tests.running import SMALL, gzprep, spoiled

FILES = ("gz2_train_catalog.parquet", "gz2_test_catalog.parquet", "images_gz2.tar.gz")
Resources = list[tuple[str, str]]


@pytest.fixture(scope="module")
def served(small_sky: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three files, as the library's server has them."""
    folder = tmp_path_factory.mktemp("served")
    for name in FILES[:2]:
        shutil.copy(small_sky / name, folder / name)
    with tarfile.open(folder / FILES[2], "w:gz") as archive:
        archive.add(small_sky / "images", "images")
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that does not chatter."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def server(served: Path) -> Iterator[str]:
    """Address of a loopback server."""
    handler = functools.partial(Quiet, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def replace_resources(monkeypatch: pytest.MonkeyPatch, resources: Resources) -> None:
    original = download_utils.DatasetDownloader

    def downloader(root: str, _: Resources, *args: Any, **kwargs: Any) -> Any:
        return original(root, resources, *args, **kwargs)

    monkeypatch.setattr(download_utils, "DatasetDownloader", downloader)


def listed(server: str, served: Path) -> Resources:
    return [(f"{server}/{name}", md5(served / name)) for name in FILES]


def test_fetch_brings_a_folder_that_run_takes(
    monkeypatch: pytest.MonkeyPatch, server: str, served: Path, small_sky: Path, tmp_path: Path
) -> None:
    replace_resources(monkeypatch, listed(server, served))
    result = gzprep("fetch", tmp_path / "gz2", "--json")
    missing = [spoiled(small_sky)["missing_file"]]
    assert result.code == 0, result.err
    assert result.json["galaxies"] == 40
    assert result.json["missing"] == len(missing)
    lines = (tmp_path / "gz2" / "missing.txt").read_text().splitlines()
    assert [line.split("\t")[1] for line in lines] == missing
    assert gzprep("run", "--data", tmp_path / "gz2", "--out", tmp_path / "out", *SMALL).code == 0


def test_fetch_twice_downloads_once(monkeypatch: pytest.MonkeyPatch, server: str, served: Path, tmp_path: Path) -> None:
    replace_resources(monkeypatch, listed(server, served))
    assert gzprep("fetch", tmp_path / "gz2").code == 0
    before = (tmp_path / "gz2" / FILES[2]).stat().st_mtime_ns
    assert gzprep("fetch", tmp_path / "gz2").code == 0
    assert (tmp_path / "gz2" / FILES[2]).stat().st_mtime_ns == before


def test_offline_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    replace_resources(monkeypatch, [(f"http://127.0.0.1:9/{name}", "0" * 32) for name in FILES])
    result = gzprep("fetch", tmp_path / "gz2")
    assert result.code == 1
    assert "Galaxy Zoo 2 could not be downloaded" in result.sentence
    assert "refused" in result.sentence
    assert "Put gz2_train_catalog.parquet" in result.sentence


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "read-only"), (errno.ECONNRESET, "try again online")],
    ids=["disk full", "disk read-only", "connection cut"],
)
def test_the_advice_fits_what_stopped_a_download(
    number: int, advice: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Stops:
        def __init__(self, **_: object) -> None:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(importlib.import_module("galaxy_datasets.shared.gz2"), "gz2", Stops)
    with pytest.raises(GzError, match=advice):
        download(tmp_path)


def test_a_file_that_arrives_damaged_is_told(
    monkeypatch: pytest.MonkeyPatch, server: str, served: Path, tmp_path: Path
) -> None:
    resources = listed(server, served)
    replace_resources(monkeypatch, [resources[0], (resources[1][0], "0" * 32), resources[2]])
    result = gzprep("fetch", tmp_path / "gz2")
    assert result.code == 1
    assert "could not be downloaded" in result.err or "incomplete" in result.err
    assert "Traceback" not in result.err


def test_images_that_did_not_arrive_are_told(
    monkeypatch: pytest.MonkeyPatch, server: str, served: Path, tmp_path: Path
) -> None:
    resources = listed(server, served)
    replace_resources(monkeypatch, [*resources[:2], (f"{server}/nothing.tar.gz", "0" * 32)])
    result = gzprep("fetch", tmp_path / "gz2")
    assert result.code == 1
    assert "incomplete" in result.err


def test_a_catalogue_is_counted_file_by_file(
    monkeypatch: pytest.MonkeyPatch, server: str, served: Path, tmp_path: Path
) -> None:
    replace_resources(monkeypatch, listed(server, served))
    before = gzprep("fetch", tmp_path / "gz2", "--json").json["missing"]
    for image in sorted((tmp_path / "gz2" / "images").rglob("*.jpg"))[:3]:
        image.unlink()
    again = take_inventory(tmp_path / "gz2", find_catalogues(tmp_path / "gz2"))
    assert again["missing"] == before + 3
