"""Run folders: the smallest run there is, predictions without a model, and models without training."""

import csv
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from gzcore.storage.atomic import write_json
from gztrain.config import read_config
from gztrain.data import open_reader, select
from gztrain.data.dataset import Dataset, Scheme, choose_scheme, open_dataset
from gztrain.data.label_counts import counts_of_folds
from gztrain.data.labels import Ints, true_labels
from gztrain.evaluation.baselines import make_baseline
from gztrain.evaluation.metrics import as_document, judge
from gztrain.evaluation.predictions import Predictions
from gztrain.predict.export import probe_images
from gztrain.runs.data_set import record_of
from gztrain.runs.folder import RunFolder, write_config
from gztrain.runs.history import History, HistoryLine

TINY = (
    *("--size", "16", "--batch", "32", "--epochs", "2", "--fine-tune-epochs", "1"),
    *("--set", "log.every=1", "--set", "bootstrap=20"),
)
"""Options of a run that takes seconds: two epochs and one, of three steps each on the data set of the small sky."""


def curve(run: Path) -> list[Mapping[str, str]]:
    """The history of a run, as written, without what depends on the clock."""
    with (run / "history.csv").open(newline="") as file:
        return [
            {key: text for key, text in row.items() if key not in {"samples_per_s", "waiting"}}
            for row in csv.DictReader(file)
        ]


def true_of(data: Dataset, scheme: Scheme, split: str) -> tuple[tuple[str, ...], Ints, Ints]:
    """Ids, labels and mask of a split, under ``asked`` with every vote: the small sky has few galaxies."""
    selection = select(data, "test") if split == "test" else select(data, "train", folds=[0])
    batches = list(open_reader().batches(selection, np.arange(len(selection)), 64))
    labels, masks = zip(*(true_labels(batch, scheme, "asked") for batch in batches), strict=True)
    return tuple(name for batch in batches for name in batch.ids), np.concatenate(labels), np.concatenate(masks)


def guesses(labels: Ints, sight: float, seed: int) -> np.ndarray:
    """Noisy probabilities that depend on the labels as strongly as ``sight`` says, float32 [N, L]."""
    noise = np.random.default_rng(seed).normal(size=labels.shape)
    return (1 / (1 + np.exp(-(2 * sight * (2 * labels - 1) + noise)))).astype(np.float32)


def write_history(path: Path) -> None:
    """Two stages of three epochs, the fourth epoch the best."""
    history = History(path)
    for epoch, loss in enumerate((0.6, 0.5, 0.45, 0.4, 0.42, 0.44)):
        stage, rate = ("head", 1e-3) if epoch < 3 else ("fine-tune", 1e-4)
        shared = {"stage": stage, "epoch": epoch + 1, "rate": rate, "samples_per_s": 100.0, "waiting": 0.0}
        history.write(HistoryLine(**shared, step=20 * epoch + 10, loss=loss, val_loss=None, val_auc=None))
        history.write(
            HistoryLine(**shared, step=20 * epoch + 20, loss=loss - 0.02, val_loss=loss + 0.1, val_auc=1 - loss)
        )


def told_run(
    root: Path,
    data: Path,
    scheme: str = "reduced",
    *,
    sight: float = 1.0,
    splits: Collection[str] = ("test",),
    unasked: Collection[int] = (),
    rename: Collection[str] = (),
) -> RunFolder:
    """A run that was judged, and has no model.

    Args:
        root: run folder.
        data: dataset folder.
        scheme: its name.
        sight: how much of the truth the predictions show; 0: nothing, and no difference between galaxies.
        splits: those it was judged on.
        unasked: places of questions in the scheme that no galaxy is asked.
        rename: ids to put in place of the first galaxies'.
    """
    dataset, folder = open_dataset(data), RunFolder(root)
    chosen = choose_scheme(dataset, scheme)
    write_config(folder, read_config(None, [f"scheme={scheme}"]), record_of(dataset), chosen, "tensorflow")
    baseline = make_baseline(counts_of_folds(dataset.manifest, chosen, [1, 2, 3, 4], "asked"), chosen)
    judged = {}
    for split in splits:
        ids, labels, mask = true_of(dataset, chosen, split)
        for place in unasked:
            mask[:, chosen.blocks[place]] = labels[:, chosen.blocks[place]] = 0
        names = (*rename, *ids[len(rename) :])
        probabilities = guesses(labels, sight, 0) if sight else np.full(labels.shape, 0.25, np.float32)
        predictions = Predictions(names, probabilities, labels, mask, chosen.names)
        predictions.write(folder.predictions_of(split))
        judged[split] = {"labels": "asked", **judge(predictions, chosen, baseline=baseline, bootstrap=20)}
    write_history(folder.history)
    write_json(folder.metrics, as_document(scheme, judged))
    return folder


def untrained_run(root: Path, data: Path, *, seed: int = 0, model: str = "small", **config: object) -> RunFolder:
    """A run with a model that has learned nothing, and was not judged; at the smallest size there is."""
    import keras

    from gztrain.models import MODELS, build

    settings = {"model.name": model, "model.weights": "none", **config}
    chosen = read_config(None, [f"{key}={value}" for key, value in settings.items()])
    dataset, folder = open_dataset(data), RunFolder(root)
    scheme = choose_scheme(dataset, chosen.scheme)
    assert model in MODELS
    write_config(folder, chosen, record_of(dataset), scheme, keras.backend.backend())
    keras.utils.set_random_seed(seed)
    galaxy = build(chosen.model, dataset.crop, len(scheme.names))
    probe = np.concatenate(list(probe_images(dataset.crop)))
    logits = np.asarray(galaxy.model(probe, training=False), np.float64)
    mean, sd = logits.mean(axis=0), logits.std(axis=0)  # so that the output depends on the image: mistakes would show
    spread = keras.layers.Rescaling((1 / sd).tolist(), (-mean / sd).tolist())(galaxy.model.output)
    probabilities = keras.layers.Activation("sigmoid")(spread)
    keras.Model(galaxy.model.input, probabilities, name=model).save(folder.model)
    return folder
