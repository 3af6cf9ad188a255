"""``gztrain push``: the model of a run with its card, sent to the Hugging Face hub.

What is sent holds no path of this machine: places are replaced by their last names.
"""

import re
import shutil
import tempfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from gzcore.errors import GzError
from gzcore.storage.atomic import json_bytes, read_json
from gzcore.storage.hub_push import Pushed, push_folder, repository_of
from gztrain.runs.folder import RunFolder, open_run

README = "README.md"
"""The hub shows this file; it is the model card."""
_PLACES = ("path", "weights", "run")
"""Keys of JSON documents that may hold a path; an absolute one is replaced wherever it stands."""


def push(run: Path, address: str, *, private: bool = False) -> Pushed:
    """Send the model, the card, the recipe and the figures of a run. ``gztrain predict`` works on what arrives.

    Files of another run that was sent there before are replaced or removed; files of other names stay.

    Args:
        run: run folder.
        address: ``hf://user/name``; the repository is made where it is not there.
        private: whether a new repository is one that only its owner sees.

    Raises:
        GzError: the run is not complete or has no card, huggingface_hub is not installed, or the hub refuses.
        UsageError: the address names no repository.
    """
    repository_of(address, "model")
    open_run(run)
    folder = RunFolder(run)
    for path in (folder.model, folder.card, folder.metrics):
        if not path.is_file():
            raise GzError(f"There is no {path.name} in {run}; gztrain evaluate {run} --split val writes it.")
    with tempfile.TemporaryDirectory(prefix="gztrain-") as temporary:
        names = _gather(folder, Path(temporary))
        # What another run left there would be read as a part of this one: ensemble.json makes an ensemble of it.
        stale = re.compile("|".join(re.escape(path.name) for path in (folder.ensemble, folder.history)))
        return push_folder(Path(temporary), names, address, "model", maker="gztrain", private=private, stale=stale)


def _gather(folder: RunFolder, target: Path) -> list[str]:
    """Copy what is sent into a folder, and list it."""
    shutil.copyfile(folder.card, target / README)
    shutil.copyfile(folder.model, target / folder.model.name)
    for path in (folder.config, folder.metrics, folder.ensemble):
        if path.is_file():  # without ensemble.json the other end would take an ensemble for one run
            (target / path.name).write_bytes(json_bytes(without_paths(read_json(path))))
    if folder.history.is_file():
        shutil.copyfile(folder.history, target / folder.history.name)
    return sorted(path.name for path in target.iterdir())


def without_paths(value: Any, key: str = "") -> Any:  # noqa: ANN401 -- a JSON value
    """A JSON value whose places are replaced by their last names."""
    if isinstance(value, dict):
        return {name: without_paths(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [without_paths(item, key) for item in value]
    if isinstance(value, str) and (key in _PLACES or _is_absolute(value)) and "://" not in value:
        return re.split(r"[/\\]", value.rstrip("/\\"))[-1]
    return value


def _is_absolute(text: str) -> bool:
    return PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute()
