"""``gztrain reproduce``: a run trained again from its card, and compared with it.

With the same versions, on a processor of the same kind, the weights are the same to the last bit. Elsewhere sums are
added up in another order, and training makes the difference large. What is promised there: each compared figure lies
within the interval of the card's, which says how far it moves with other galaxies of the same kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gzcore.errors import GzError, UsageError
from gzcore.storage.places import Place, sha256_of
from gztrain.config import as_mapping, from_mapping
from gztrain.data.dataset import open_dataset
from gztrain.evaluation.evaluate import read_metrics
from gztrain.evaluation.model_card import identity, local_weights, read_card
from gztrain.runs.data_set import record_of
from gztrain.runs.folder import Json, RunFolder, open_run
from gztrain.runs.watch import Watch
from gztrain.training.request import TrainRequest

SPLIT = "val"
"""Galaxies that are compared: those that fit itself judges on."""


@dataclass(frozen=True)
class Original:
    """What is to be trained again.

    Attributes:
        said: what its card says.
        config: its recipe, as a mapping.
        data: its dataset folder; None where that is not known.
    """

    said: Json
    config: Json
    data: Place | None


def open_original(place: Path) -> Original:
    """Open a run folder, or a card; one that lies in its run folder stands for the run.

    Raises:
        GzError: there is neither, it is damaged, or it is an ensemble.
    """
    folder = RunFolder(place if place.is_dir() else place.parent)
    if folder.config.is_file():
        run = open_run(folder.root)
        original = Original(identity(run, read_metrics(folder)), as_mapping(run.config), run.dataset)
    else:
        said = read_card(place / folder.card.name if place.is_dir() else place)
        original = Original(said, said["config"], None)
    if original.said["ensemble"]:
        raise GzError(f"{place} is an ensemble, which is not trained; reproduce its members.")
    return original


def reproduce(place: Path, run: Path, watch: Watch, data: Place | None = None, *, weights: Path | None = None) -> Json:
    """Train a run again into a new folder, and compare.

    Args:
        place: the run folder, or its MODEL_CARD.md.
        run: the run folder to make.
        watch: told how the training goes.
        data: the dataset folder, if it has moved, or if there is only a card.
        weights: the file of weights that the run began with, if it has moved, or if there is only a card.

    Returns:
        See :func:`compare`; and ``run``, the new folder.

    Raises:
        GzError: the data set or the weights are others, or training fails.
        UsageError: the data set is not known, the weights that the run began with are not there, or the run folder has
            a run already.
    """
    from gztrain.training.fit import fit

    original = open_original(place)
    if RunFolder(run).has_run():
        raise UsageError(f"{run} has a run already; choose another folder for --run.")
    start = check_start(original, weights)
    if start is not None:
        original.config["model"]["weights"] = str(start)
    where = data or original.data
    if where is None:
        raise UsageError("A card alone does not say where the data set is; name its folder with --data.")
    check_data(where, original.said)
    config = from_mapping(original.config, str(place))
    fit(TrainRequest(where, run, config), watch)
    folder = RunFolder(run)
    return {"run": str(run), **compare(original.said, identity(open_run(run), read_metrics(folder)))}


def check_start(original: Original, given: Path | None = None) -> Path | None:
    """The file of weights that the run began with; None where it began with no file.

    Args:
        original: the run.
        given: where the file is, if it has moved.

    Raises:
        UsageError: the file is not there; or one is given, and the run began with none.
        GzError: its bytes are not those of the card.
    """
    named = local_weights(original.config)
    if named is None:
        if given is not None:
            raise UsageError(f"--weights {given}: the run did not begin with a file of weights; leave the option out.")
        return None
    path = given or named
    if not path.is_file():
        raise UsageError(
            f"The run began with the weights in {named.name}, and there is no file {path}; name it with --weights."
        )
    was = original.said.get("start_sha256")
    if was is not None and (now := sha256_of(path)) != was:
        raise GzError(
            f"{path} is not the file of weights that the run began with: its SHA-256 is {now[:12]}, and the card names "
            f"{was[:12]}."
        )
    return path


def check_data(place: Place, said: Json) -> None:
    """Refuse another data set.

    Raises:
        GzError: its hashes are not those of the card.
    """
    found = record_of(open_dataset(place))
    if not any(said["data"].get(key) for key in ("data_hash", "recipe_hash")):
        raise GzError("The card names no hash of its data set, so it cannot be compared with another one.")
    for key in ("data_hash", "recipe_hash"):
        was, now = said["data"].get(key), getattr(found, key)
        if was is not None and was != now:
            raise GzError(
                f"{place} is not the data set of the card: its {key.replace('_', ' ')} is {str(now)[:12]}, and the "
                f"card names {str(was)[:12]}."
            )


def compare(was: Json, now: Json) -> Json:
    """Compare two runs.

    Args:
        was: the card of the first; see :func:`gztrain.evaluation.model_card.identity`.
        now: that of the second.

    Returns:
        ``same_weights``; ``figures``, each with ``was``, ``now``, ``low`` and ``high`` (the interval of the first) and
        ``within``, None where there is no interval; ``versions``, what differs, as pairs; ``reproduced``: the weights
        are the same, or every figure that has an interval is within it, and one has.
    """
    same = was["weights_sha256"] == now["weights_sha256"]
    before, after = (each["figures"].get(SPLIT, {}) for each in (was, now))
    figures = {name: _figure(before[name], after[name]) for name in before if name in after}
    judged = [figure["within"] for figure in figures.values() if figure["within"] is not None]
    return {
        "same_weights": same,
        "figures": figures,
        "versions": _changed(_software(was), _software(now)),
        "reproduced": same or (bool(judged) and all(judged)),
    }


def _figure(was: Any, now: Any) -> Json:  # noqa: ANN401 -- value, low and high
    value, low, high = was
    known = None not in (value, low, high, now[0])
    return {"was": value, "now": now[0], "low": low, "high": high, "within": low <= now[0] <= high if known else None}


def _software(said: Json) -> dict[str, str]:
    return {**said["versions"], "backend": said["backend"]}


def _changed(was: Mapping[str, str], now: Mapping[str, str]) -> dict[str, list[str | None]]:
    return {name: [was.get(name), now.get(name)] for name in {**was, **now} if was.get(name) != now.get(name)}
