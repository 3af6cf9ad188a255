"""Weights files of PyTorch: their arrays come back, and nothing that could run code is loaded."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from gzcore.errors import GzError
from gztrain.models.torch_file import read_torch_file
from tests.gztrain.models.timm_files import Arrays, archive, calling, torch_bytes, zip_bomb

ARRAYS: Arrays = {
    "stem.0.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "half": np.array([0.5, -1.5], np.float16),
    "steps": np.array(7, np.int64),
    "double": np.array([[1e-300]], np.float64),
}


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(data)
    return path


def test_every_array_comes_back_with_its_name_shape_and_type(tmp_path: Path) -> None:
    found = read_torch_file(written(tmp_path, torch_bytes(ARRAYS)))
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_bfloat16_is_read(tmp_path: Path) -> None:
    pickled = torch_bytes({"a": np.array([1, 2], np.float16)})
    values = np.array([1.5, -2], ml_dtypes.bfloat16)
    renamed = pickled_of(written(tmp_path, pickled)).replace(b"HalfStorage", b"BFloat16Storage")
    found = read_torch_file(written(tmp_path, archive(renamed, {"0": values.tobytes()})))
    np.testing.assert_array_equal(found["a"].astype(np.float32), [1.5, -2])


def pickled_of(path: Path) -> bytes:
    import zipfile

    with zipfile.ZipFile(path) as file:
        return file.read("pytorch_model/data.pkl")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("subprocess", "Popen"),
        ("torch", "load"),
        ("collections", "namedtuple"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
    ],
    ids=lambda part: part,
)
def test_a_pickle_that_would_run_code_is_refused_by_name(module: str, name: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    path = written(tmp_path, archive(calling(module, name, f"touch {trace}"), {}))
    with pytest.raises(GzError, match=f"names '{module}.{name}', and loading that could run code"):
        read_torch_file(path)
    assert not trace.exists()


SOUND = torch_bytes({"a": np.zeros((2, 3), np.float32)})


def changed(old: bytes, new: bytes) -> bytes:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(SOUND)) as file:
        pickled = file.read("pytorch_model/data.pkl")
        numbers = file.read("pytorch_model/data/0")
    assert old in pickled
    return archive(pickled.replace(old, new), {"0": numbers})


SIX, TWO_THREE = b"K\x06", b"K\x02K\x03"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(b"", "cannot be read", id="empty"),
        pytest.param(b"\x80\x02}q\x00.", "cannot be read", id="a bare pickle, as torch wrote before 1.6"),
        pytest.param(archive(b"\x80\x02}.", {}), "it holds no arrays", id="no arrays"),
        pytest.param(archive(b"\x80\x02]K\x01a.", {}), "it holds no arrays", id="a list"),
        pytest.param(archive(b"\x80\x02}X\x01\x00\x00\x00aK\x01s.", {}), "'a' is no array", id="a number"),
        pytest.param(archive(b"\x80", {}), "not loaded", id="cut pickle"),
        pytest.param(changed(SIX, b"K\x05"), "has 24 bytes; 20 are expected", id="fewer numbers than bytes"),
        pytest.param(changed(SIX, b"J\xff\xff\xff\x7f"), "bytes; 8589934588 are expected", id="two thousand million"),
        pytest.param(changed(TWO_THREE, b"K\x03K\x03"), "does not fit into 6 numbers", id="shape beyond the numbers"),
        pytest.param(changed(TWO_THREE, b"J\xff\xff\xff\xffK\x03"), "does not fit", id="negative shape"),
        pytest.param(zip_bomb(20_000_000), "it is larger than", id="a pickle of 20 MB"),
    ],
)
def test_a_damaged_file_is_told_in_a_sentence(data: bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(GzError, match=sentence):
        read_torch_file(written(tmp_path, data))
