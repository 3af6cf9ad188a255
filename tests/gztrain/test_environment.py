"""What is settled before Keras starts: its backend, our layers, and the garbage collector."""

import gc
import json
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest

from gzcore.errors import GzError
from gztrain.environment import choose_backend, uncollected
from gztrain.models.layers import PositionEmbedding, Preprocess
from gztrain.training.backends import load_backend
from tests.running import gztrain, python


@pytest.fixture(params=[True, False], ids=["on", "off"])
def collects(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether the collector is on, for as long as a test takes."""
    before = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield bool(request.param)
    (gc.enable if before else gc.disable)()


def test_it_rests_and_is_as_it_was(collects: bool) -> None:  # noqa: FBT001
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled() == collects


def test_it_is_as_it_was_where_an_import_fails(collects: bool) -> None:  # noqa: FBT001
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled() == collects


# ---------------------------------------------------------------- Keras' own config


CONFIGS: dict[str, tuple[str, str | None]] = {
    "no file": ("", None),
    "the default": (json.dumps({"backend": "tensorflow"}), None),
    "jax": (json.dumps({"backend": "jax"}), None),
    "torch": (json.dumps({"backend": "torch"}), "keras.json is 'torch'"),
    "no JSON": ("{", None),
    "a list": ("[]", None),
    "a number": (json.dumps({"backend": 3}), None),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_backend_of_the_config_of_keras(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, words = CONFIGS[name]
    if text:
        (tmp_path / "keras.json").write_text(text)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    if words is None:
        choose_backend()
        return
    with pytest.raises(GzError, match=words):
        choose_backend()


def test_torch_is_refused_in_a_sentence(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the command line; and from Python, where Keras may have been imported before us."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    result = gztrain("fit", dataset, "--run", tmp_path / "run")
    assert result.code == 1
    assert result.sentence == (
        "gztrain: KERAS_BACKEND is 'torch'; gztrain works with tensorflow and jax: set KERAS_BACKEND to one of them."
    )
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(GzError, match="Keras uses the backend 'torch'; set KERAS_BACKEND to one of tensorflow, jax"):
        load_backend()
    assert not (tmp_path / "run").exists()


# ---------------------------------------------------------------- our layers in plain Keras


LOADING = {
    "gztrain first": "import gztrain, keras",
    "keras first": "import keras, gztrain",
    "from keras": "import gztrain\nfrom keras import saving\nimport keras",
    "asked for before": "import gztrain, importlib.util\nassert importlib.util.find_spec('keras')\nimport keras",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with layers of ours, as few as may be: what each family loads is seen in models/test_build.py."""
    images = keras.Input((4, 8, 3))
    rows = keras.layers.Reshape((4, 24))(Preprocess("galaxy")(images))
    path = tmp_path_factory.mktemp("plain") / "model.keras"
    keras.Model(images, keras.layers.Flatten()(PositionEmbedding(0.1)(rows))).save(path)
    return path


FORKED = """
import json, os, sys
for library in sys.argv[3:]:
    __import__(library)  # once for all; nothing of Keras
assert not {"keras", "gztrain"} & set(sys.modules)
for script in json.loads(sys.argv[2]):
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        exec(script + "\\nprint(keras.saving.load_model(sys.argv[1]).output_shape, keras.backend.backend())")
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, script
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "names"),
    [
        pytest.param("jax", tuple(LOADING), id="jax"),
        pytest.param("tensorflow", ("keras first",), id="tensorflow", marks=pytest.mark.thorough),
    ],
)
def test_plain_keras_loads_a_model(backend: str, names: tuple[str, ...], model: Path) -> None:
    """Each way on JAX, which is imported in half the time; they do not depend on the backend."""
    scripts = [*(LOADING[name] for name in names), *([KEPT] if backend == "jax" else [])]
    heavy = ("jax", "h5py", "rich.console", "optree", "sklearn.base", "matplotlib.pyplot") if backend == "jax" else ()
    done = python("-c", FORKED, model, json.dumps(scripts), *heavy, backend=backend)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [f"(None, 96) {backend}"] * len(scripts)


KEPT = """
import gztrain, keras, inspect
inspect.getsource(keras)
assert keras.__spec__.loader is keras.__loader__
"""
"""Keras keeps its own loader."""


def test_importing_gztrain_loads_neither_keras_nor_numpy() -> None:
    script = "import gztrain, sys; print(sorted({'keras', 'numpy', 'pyarrow', 'tensorflow'} & set(sys.modules)))"
    done = python("-c", script)
    assert (done.returncode, done.stdout.strip()) == (0, "[]")
