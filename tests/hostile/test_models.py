"""Checkpoints and models that were changed: they are refused in one sentence, and no code in them is run."""

import io
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.hostile.checks import TINY, check_refused, contents
from tests.running import gztrain

pytestmark = pytest.mark.usefixtures("file_lean_training")

Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch, with everything that a run leaves."""
    run = tmp_path_factory.mktemp("runs") / "run"
    result = gztrain("fit", dataset, "--run", run, *TINY, "--set", "bootstrap=0")
    assert result.code == 0, result.err
    return run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "above" / "run"))


def repacked(path: Path, change: Callable[[dict[str, bytes]], object], compression: int = zipfile.ZIP_STORED) -> None:
    """Change the members of an archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def npy(header: str, data: bytes = b"") -> bytes:
    padded = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded + data


def weights(change: Callable[[h5py.File], object]) -> Callable[[dict[str, bytes]], None]:
    def apply(members: dict[str, bytes]) -> None:
        file = io.BytesIO(members["model.weights.h5"])
        with h5py.File(file, "r+") as archive:
            change(archive)
        members["model.weights.h5"] = file.getvalue()

    return apply


def huge_array(archive: h5py.File) -> None:
    path = next(name for name in names_of(archive) if name.endswith("/vars/0"))
    del archive[path]
    archive.create_dataset(path, (200_000, 200_000), "f4", chunks=(1000, 1000), fillvalue=0.5)


def names_of(archive: h5py.File) -> list[str]:
    names: list[str] = []
    archive.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names


def other_shape(archive: h5py.File) -> None:
    path = next(name for name in names_of(archive) if name.endswith("/vars/0"))
    del archive[path]
    archive.create_dataset(path, data=np.zeros((3, 7), np.float32))


BIG_SHAPE = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }"
CHECKPOINTS: dict[str, Damage] = {
    "empty": lambda path: path.write_bytes(b""),
    "no archive": lambda path: path.write_bytes(b"PK but no archive"),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "compressed": lambda path: repacked(path, lambda _: None, zipfile.ZIP_DEFLATED),
    "4 TB in a header": lambda path: repacked(path, lambda members: members.update({"model-0.npy": npy(BIG_SHAPE)})),
    "objects": lambda path: repacked(
        path,
        lambda members: members.update(
            {"model-0.npy": npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"cos\nsystem\n.")}
        ),
    ),
    "a header nested without end": lambda path: repacked(
        path, lambda members: members.update({"model-0.npy": npy("(" * 9000)})
    ),
    "no progress": lambda path: repacked(path, lambda members: members.pop("progress.npy")),
    "progress nested without end": lambda path: repacked(
        path,
        lambda members: members.update(
            {"progress.npy": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (50000,), }", b"[" * 50_000)}
        ),
    ),
    "an array lost": lambda path: repacked(path, lambda members: members.pop("model-1.npy")),
}
MODELS: dict[str, Damage] = {
    "empty": lambda path: path.write_bytes(b""),
    "no archive": lambda path: path.write_bytes(b"\x89HDF\r\n"),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "no description": lambda path: repacked(path, lambda members: members.pop("config.json")),
    "no weights": lambda path: repacked(path, lambda members: members.pop("model.weights.h5")),
    "compressed": lambda path: repacked(path, lambda _: None, zipfile.ZIP_DEFLATED),
    "a bomb": lambda path: repacked(
        path, lambda members: members.update({"config.json": b" " * 100_000_000}), zipfile.ZIP_DEFLATED
    ),
    "a member above": lambda path: repacked(path, lambda members: members.update({"../../victim.npy": b"theirs"})),
    "an absolute member": lambda path: repacked(path, lambda members: members.update({"/victim.npy": b"theirs"})),
    "assets": lambda path: repacked(path, lambda members: members.update({"assets/x": b"theirs"})),
    "a description nested without end": lambda path: repacked(
        path, lambda members: members.update({"config.json": b'{"a":' * 100_000})
    ),
    "a description that is a list": lambda path: repacked(path, lambda members: members.update({"config.json": b"[]"})),
    "weights that are not HDF5": lambda path: repacked(
        path, lambda members: members.update({"model.weights.h5": b"weights"})
    ),
    "weights of 160 GB in a few bytes": lambda path: repacked(path, weights(huge_array)),
    "weights of another shape": lambda path: repacked(path, weights(other_shape)),
    "weights in another file": lambda path: repacked(
        path, weights(lambda archive: archive.__setitem__("more", h5py.ExternalLink("/etc/passwd", "/")))
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_damaged_checkpoint_is_refused(name: str, run: Path, dataset: Path) -> None:
    CHECKPOINTS[name](run / "checkpoint" / "last.npz")
    (run / "metrics.json").unlink()
    check_refused(gztrain("fit", dataset, "--run", run, *TINY, "--set", "bootstrap=0", "--resume"), "damaged")


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_damaged_model_is_refused(name: str, run: Path) -> None:
    (run.parents[1] / "victim.npy").write_bytes(b"mine")
    MODELS[name](run / "model.keras")
    before = contents(run.parents[1])
    check_refused(gztrain("evaluate", run, "--split", "val"), "cannot be loaded")
    assert contents(run.parents[1]) == before


@pytest.mark.slow
def test_a_sound_run_is_opened(run: Path) -> None:
    """Without a change the same command works: the refusals above are for the change alone."""
    assert gztrain("evaluate", run, "--split", "val").code == 0
