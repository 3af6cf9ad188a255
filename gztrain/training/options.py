"""Short names of keys of a training recipe: options of the command line, keywords of ``gztrain.fit``. One table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gzcore.recipe.overlay import as_pairs


@dataclass(frozen=True)
class Option:
    """An option of the command line.

    Attributes:
        key: of the recipe.
        kind: type of its value; a bool also gets a ``--no-`` form.
        group: title that it stands under in the help.
        help: in a few words.
        also: other names that the command line accepts: an earlier one, or what Keras calls it.
    """

    key: str
    kind: type
    group: str
    help: str
    also: tuple[str, ...] = ()


_DATA, _MODEL, _TRAINING, _LOSS, _MACHINE = (
    "Data to learn from",
    "Model",
    "Training",
    "Loss and augmentation",
    "Reading and computing",
)
OPTIONS: dict[str, Option] = {
    "scheme": Option("scheme", str, _DATA, "Questions: q0, q1 ..., reduced, all; auto: reduced or all. [auto]"),
    "labels": Option("labels", str, _DATA, "How votes become labels: asked, report or debiased. [asked]"),
    "fold": Option("fold", int, _DATA, "The fold that validates; the others train. [0]"),
    "views": Option("views", int, _DATA, "Extra views of a galaxy to train on. [all that the data set has]"),
    "min_votes": Option("min_votes", int, _DATA, "Votes that a question needs to count as answered. [5]"),
    "ties": Option("ties", str, _DATA, "Questions with two best answers: mask, or keep a drawn label. [mask]"),
    "strict_labels": Option("strict_labels", bool, _DATA, "Stop if no training galaxy has some label."),
    "model": Option("model.name", str, _MODEL, "Which model; `gztrain models` lists them. [small]"),
    "weights": Option("model.weights", str, _MODEL, "imagenet, none, a file, hf://user/name. [imagenet if known]"),
    "size": Option("model.size", int, _MODEL, "Pixels a side that the model sees. [the crop; small: 64]"),
    "patch": Option("model.patch", int, _MODEL, "Pixels a side of a patch. [size / 16]"),
    "head": Option("model.head", str, _MODEL, "Layers at the end: report or plain. [report, where it has one]"),
    "dropout": Option("model.dropout", float, _MODEL, "Share of the features dropped in the head."),
    "epochs": Option("stages.epochs", int, _TRAINING, "Epochs of the first stage, at most. [12]"),
    "fine_tune_epochs": Option("stages.fine_tune_epochs", int, _TRAINING, "Epochs of the second stage, at most. [5]"),
    "unfreeze": Option("stages.unfreeze", int, _TRAINING, "Last blocks of the backbone to train in the second. [all]"),
    "patience": Option("stages.patience", int, _TRAINING, "End a stage after so many epochs without improvement. [6]"),
    "monitor": Option(
        "stages.monitor",
        str,
        _TRAINING,
        "Which epoch to keep: by loss, by auc, or last. [loss]",
    ),
    "batch": Option("stages.batch", int, _TRAINING, "Images a step, over all devices. [64]", also=("batch_size",)),
    "rate": Option("optimizer.rate", float, _TRAINING, "Learning rate of the first stage. [0.001]", also=("lr",)),
    "schedule": Option("optimizer.schedule", str, _TRAINING, "How the rate falls: constant or cosine. [cosine]"),
    "optimizer": Option("optimizer.name", str, _TRAINING, "adam or adamw. [adamw]"),
    "ema": Option("optimizer.ema", bool, _TRAINING, "Average the weights; judge and keep the average. [no]"),
    "ema_momentum": Option("optimizer.ema_momentum", float, _TRAINING, "What a step keeps of the average. [0.99]"),
    "seed": Option("seed", int, _TRAINING, "Seed of weights, order, augmentation and dropout. [0]"),
    "loss": Option("loss.name", str, _LOSS, "bce, softmax, focal or dirichlet. [bce]"),
    "class_weights": Option("loss.weights", str, _LOSS, "Weights of labels: ens, inverse, inverse-sqrt, none. [ens]"),
    "weight_total": Option("loss.weight_total", str, _LOSS, "What they add up to: classes or samples. [classes]"),
    "label_smoothing": Option("loss.label_smoothing", float, _LOSS, "Move labels from 0 and 1 to the middle. [0.0]"),
    "symmetries": Option("augment.symmetries", bool, _LOSS, "Turn and mirror training images. [yes]"),
    "affine": Option("augment.affine", bool, _LOSS, "Rotate, zoom and shift training images. [no]"),
    "mixup": Option("augment.mixup", float, _LOSS, "Alpha of MixUp, which averages two images. [0.0]"),
    "cutmix": Option("augment.cutmix", float, _LOSS, "Alpha of CutMix: a box of another image. [0.0]"),
    "reader": Option("input.reader", str, _MACHINE, "What reads records: auto, tf or native. [auto]"),
    "threads": Option("input.threads", int, _MACHINE, "Threads that decode images. [one a core]"),
    "skip_damaged": Option(
        "input.skip_damaged", bool, _MACHINE, "Leave damaged records out, and count them.", also=("skip_corrupt",)
    ),
    "precision": Option("compute.precision", str, _MACHINE, "auto, float32 or bfloat16. [auto]"),
    "devices": Option("compute.devices", int, _MACHINE, "Number of devices to use. [all]"),
    "accumulate": Option("compute.accumulate", int, _MACHINE, "Pieces to cut a batch into, to save memory. [1]"),
    "jit": Option("compute.jit", str, _MACHINE, "Compile the step with XLA: auto, on or off. [auto]"),
}
"""Option to recipe key. Brackets show the default, which the recipe may change."""


def as_settings(options: Mapping[str, Any]) -> list[str]:
    """Options that were given, as ``KEY=VALUE`` pairs of the recipe."""
    return as_pairs({OPTIONS[name].key: value for name, value in options.items() if value is not None})
