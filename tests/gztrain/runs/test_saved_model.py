"""A model file from a stranger: what is in it is loaded or refused in a sentence, and no code in it is run."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gzcore.errors import GzError
from gztrain.runs.saved_model import check_archive, load_model
from tests.gztrain.run_folders import untrained_run
from tests.running import gztrain


@pytest.fixture(scope="module")
def run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(tmp_path_factory.mktemp("runs") / "run", dataset, **{"model.size": "16"}).root


def with_config(model: Path, config: str) -> None:
    """Put another description into a Keras archive."""
    with zipfile.ZipFile(model) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(model, "w") as archive:
        for name, data in (files | {"config.json": config.encode()}).items():
            archive.writestr(name, data)


def described(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def spoil(model: Path) -> None:
        with zipfile.ZipFile(model) as archive:
            config = json.loads(archive.read("config.json"))
        with_config(model, json.dumps(change(config) or config))

    return spoil


def lambda_layer(config: Any) -> None:
    """A layer that would write a file when it is called; Keras stores such code as marshalled bytes."""
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "code", "function": code}}
    config["config"]["layers"].append(layer)


def hidden_lambda(config: Any) -> None:
    config["config"]["layers"][0]["config"]["extra"] = [{"deep": {"class_name": "__lambda__", "config": {}}}]


def foreign(config: Any) -> None:
    config["config"]["layers"][1] |= {"module": "os", "class_name": "system", "registered_name": "system"}


def posing_as_ours(config: Any) -> None:
    config["config"]["layers"][1] |= {"module": "os", "class_name": "system", "registered_name": "gztrain>system"}


SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "a lambda": (described(lambda_layer), "holds Python code"),
    "a lambda deep inside": (described(hidden_lambda), "holds Python code"),
    "a function of the system": (described(foreign), "neither of Keras nor of gztrain"),
    "posing as ours": (described(posing_as_ours), "cannot be loaded"),
    "nested without end": (lambda model: with_config(model, '{"a":' * 200_000), "nested deeper than 64 levels"),
    "lists without end": (lambda model: with_config(model, "[" * 200_000), "nested deeper than 64 levels"),
    "no JSON": (lambda model: with_config(model, "{"), "cannot be loaded"),
    "no object": (lambda model: with_config(model, "[]"), "cannot be loaded"),
    "no layers": (lambda model: with_config(model, "{}"), "cannot be loaded"),
    "no archive": (lambda model: model.write_bytes(b"PK"), "cannot be loaded"),
    "cut short": (lambda model: model.write_bytes(model.read_bytes()[:-2000]), "cannot be loaded"),
    "a folder": (lambda model: (model.unlink(), model.mkdir()), "There is no model"),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_model_is_refused_in_a_sentence(name: str, run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    spoil, words = SPOILED[name]
    spoil(copy / "model.keras")
    with pytest.raises(GzError, match=words) as caught:
        load_model(copy / "model.keras")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700
    result = gztrain("evaluate", copy)
    assert result.code == 1
    assert words in result.sentence


def test_a_model_of_ours_passes(run: Path) -> None:
    check_archive(run / "model.keras")
    assert load_model(run / "model.keras").output_shape == (None, 8)
