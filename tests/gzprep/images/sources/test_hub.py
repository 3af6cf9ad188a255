"""Galaxies on the Hugging Face hub, here one on loopback: catalogue and images are read in place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gzcore.errors import GzError
from gzcore.storage import hub
from gzcore.storage.places import as_place
from gzprep.simulate import simulate
from tests import loopback_hub
from tests.gzprep.images.sources import same_galaxies as same
from tests.running import gzprep, manifest

pytestmark = pytest.mark.slow

SETTINGS = ("--views", "0", "--crop", "64", "--set", "shards.min_bins=1", "--set", "max_reject_share=1")


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve simulated galaxies."""
    folder = tmp_path_factory.mktemp("hub") / "sky"
    simulate(folder, 12, seed=3)
    return folder


@pytest.fixture
def galaxies(sky: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the repository someone/galaxies."""
    folder = same.beside_labels(sky, tmp_path / "repository")
    (folder / "data").mkdir()
    same.as_parquet(sky, folder / "data" / "images-0.parquet")
    with loopback_hub.serve({"someone/galaxies": folder}) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        hub._hub_of.cache_clear()
        yield folder
    hub._hub_of.cache_clear()


def test_a_place_on_the_hub(galaxies: Path) -> None:
    place = as_place("hf://datasets/someone/galaxies")
    assert place.is_dir()
    names = {path.name for path in galaxies.iterdir()}
    assert {path.name for path in place.iterdir()} == names
    assert [path.name for path in (place / "data").glob("*.parquet")] == ["images-0.parquet"]
    file, path = place / "data" / "images-0.parquet", galaxies / "data" / "images-0.parquet"
    assert file.stat().st_size == path.stat().st_size
    assert file.read_bytes() == path.read_bytes()
    with file.open() as opened:
        opened.seek(100)
        assert opened.read(50) == path.read_bytes()[100:150]
    assert not (place / "other").exists()
    assert not as_place("hf://datasets/someone/nothing").is_dir()


@pytest.mark.parametrize("address", ["hf://models/someone/x", "hf://datasets/only"], ids=["a model", "no owner"])
def test_no_address_of_a_data_set(galaxies: Path, address: str) -> None:
    assert galaxies.is_dir()
    with pytest.raises(GzError, match="hf://datasets/OWNER/NAME"):
        as_place(address).is_dir()


def test_nothing_is_written_to_the_hub(galaxies: Path) -> None:
    assert galaxies.is_dir()
    result = gzprep("run", "--data", galaxies, "--out", "hf://datasets/someone/galaxies/out", *SETTINGS)
    assert (result.code, "only read" in result.err) == (1, True), result.err


WAYS = {
    "labels beside images": ("--data", "hf://datasets/someone/galaxies"),
    "images alone": ("--data", "SKY", "--images", "hf://datasets/someone/galaxies/data/*.parquet"),
    "a folder of them": ("--data", "SKY", "--images", "hf://datasets/someone/galaxies/data"),
}


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_the_same_records_from_the_hub(galaxies: Path, sky: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert galaxies.is_dir()
    data = same.without_images(sky, tmp_path / "data")
    options = tuple(str(data) if option == "SKY" else option for option in options)
    made = gzprep("run", "--out", tmp_path / "out", *SETTINGS, *options)
    assert made.code == 0, made.err
    plain = gzprep("run", "--out", tmp_path / "plain", *SETTINGS, "--data", sky)
    assert plain.code == 0, plain.err
    shards = [manifest(tmp_path / name)["splits"] for name in ("out", "plain")]
    assert shards[0] == shards[1]
    replayed = gzprep("verify", tmp_path / "out", "--replay", "3", *options)
    assert (replayed.code, "3 made again" in replayed.out) == (0, True), replayed.err


def test_a_place_on_the_hub_is_asked_again_only_if_it_is_named(galaxies: Path, sky: Path, tmp_path: Path) -> None:
    """A request carries the user's token: the author of a folder does not choose where it goes."""
    assert galaxies.is_dir()
    data = same.without_images(sky, tmp_path / "data")
    images = "hf://datasets/someone/galaxies/data"
    assert gzprep("run", "--out", tmp_path / "out", *SETTINGS, "--data", data, "--images", images).code == 0
    refused = gzprep("verify", tmp_path / "out", "--replay", "3")
    assert (refused.code, f"--images {images}" in refused.err) == (1, True), refused.err
