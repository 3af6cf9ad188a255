"""What a run is asked to do: every value that decides what is learned, read from TOML, checked at birth.

Defaults are those of ``pipelines/train/cnn.toml``. Row ids such as F27 are those of the report's requirements.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, field
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from gzcore.errors import UsageError
from gzcore.storage.places import Place
from gztrain.models.spec import ModelSpec

_CHECKED = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)
Int = Annotated[int, Field(strict=True)]
"""An integer; true is none."""
Count = Annotated[Int, Field(ge=1)]
Range = tuple[float, float]


@dataclass(frozen=True, config=_CHECKED)
class Loss:
    """What training minimises."""

    name: Literal["bce", "softmax", "focal", "dirichlet"] = "bce"
    """Masked cross-entropy a label; per-question softmax; focal; Dirichlet-multinomial on the votes."""
    weights: Literal["ens", "inverse", "inverse-sqrt", "none"] = "ens"
    """Weights of labels against their frequency (F16, F17)."""
    weight_total: Literal["classes", "samples"] = "classes"
    """What the weights add up to: number of labels, or of galaxies as the report's text has it."""
    gamma: Annotated[float, Field(ge=0, le=10)] = 2.0
    """How far ``focal`` turns away from what is already right."""


@dataclass(frozen=True, config=_CHECKED)
class Augment:
    """What is done to a training image on the device, each time it is seen."""

    symmetries: bool = True
    """The eight symmetries of the square, each as likely (F36)."""
    affine: bool = False
    """Rotation, zoom and shift (F37)."""
    rotate: Range = (-180.0, 180.0)
    """Degrees, uniform; of ``affine``, like the two below."""
    zoom: Range = (0.9, 1.1)
    """Magnification, log-uniform."""
    shift: Range = (-0.036, 0.036)
    """In x and in y, as a share of the side, uniform: 8 px of 224."""


@dataclass(frozen=True, config=_CHECKED)
class Optimizer:
    """How weights are moved."""

    name: Literal["adam", "adamw"] = "adamw"
    rate: Annotated[float, Field(gt=0, le=10)] = 1e-3
    """Learning rate of the first stage."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """``cosine`` falls to zero over the epochs of a stage."""
    warmup: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Epochs over which the rate rises from zero, in each stage."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Of ``adamw`` alone; biases, norms and position embeddings are left alone."""
    clip: Annotated[float, Field(gt=0)] | None = None
    """Largest norm of the whole gradient; absent: any."""


@dataclass(frozen=True, config=_CHECKED)
class Stages:
    """How long, and when to stop. A model with pretrained weights learns its head first, with the backbone frozen."""

    batch: Count = 64
    """Galaxies a step, over all devices."""
    epochs: Annotated[Int, Field(ge=0)] = 12
    """At most, in the first stage."""
    fine_tune_epochs: Annotated[Int, Field(ge=0)] = 5
    """At most, in the second stage: all layers (F46)."""
    fine_tune_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Rate of the second stage, as a share of the first."""
    patience: Count = 6
    """Epochs without a better validation after which a stage ends; then back to the best."""
    monitor: Literal["loss", "auc"] = "loss"
    """What is better: a smaller validation loss, or a larger mean AUC of a label."""


@dataclass(frozen=True, config=_CHECKED)
class Input:
    """How records are read; the same batches come whatever is chosen."""

    reader: Literal["auto", "tf", "native"] = "auto"
    threads: Count | None = None
    """That decode; absent: one a core."""
    prefetch: Annotated[Int, Field(ge=0, le=64)] = 2
    """Batches made ready ahead."""
    skip_corrupt: bool = False
    """Leave damaged records out and count them; else the first one stops."""


@dataclass(frozen=True, config=_CHECKED)
class Compute:
    """How a step is computed."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """``auto``: bfloat16 where the device multiplies it in hardware, float32 elsewhere."""
    devices: Count | None = None
    """How many; absent: all there are."""
    accumulate: Count = 1
    """Pieces that a batch is worked through in, to save memory."""
    jit: Literal["auto", "on", "off"] = "auto"
    """Whether TensorFlow compiles the step with XLA; ``auto``: on GPUs. JAX always compiles."""


@dataclass(frozen=True, config=_CHECKED)
class Log:
    """What is written down, and when."""

    every: Count = 10
    """Steps to a line of history.csv; the last of an epoch may have fewer."""
    checkpoint: Count = 1000
    """Steps to a checkpoint; there is one at the end of each epoch, too."""
    tensorboard: bool = True


@dataclass(frozen=True, config=_CHECKED)
class TrainConfig:
    """Everything that decides what a run learns."""

    scheme: str = "reduced"
    """Which questions are asked (F10): ``q0`` to ``q10``, ``hubble``, ``reduced``, ``all``."""
    labels: Literal["asked", "report"] = "asked"
    """How votes become labels (F15): ``asked`` masks what nobody answered; ``report`` does as the report did."""
    min_votes: Annotated[Int, Field(ge=0)] = 1
    """Votes that a question needs to count as answered, under ``asked``, where there are counts."""
    fold: Annotated[Int, Field(ge=0)] = 0
    """The fold that validates; the others train."""
    views: Annotated[Int, Field(ge=0)] = 12
    """Extra views of a training galaxy to use; 0: view 0 only."""
    seed: Annotated[Int, Field(ge=0, lt=1 << 32)] = 0
    """Of first weights, order, augmentation and dropout."""
    strict_labels: bool = False
    """A label that no training galaxy has is an error, not a warning."""
    bootstrap: Annotated[Int, Field(ge=0, le=100_000)] = 1000
    """Resamples behind the intervals of the metrics."""
    model: ModelSpec = field(default_factory=ModelSpec)
    loss: Loss = field(default_factory=Loss)
    augment: Augment = field(default_factory=Augment)
    optimizer: Optimizer = field(default_factory=Optimizer)
    stages: Stages = field(default_factory=Stages)
    input: Input = field(default_factory=Input)
    compute: Compute = field(default_factory=Compute)
    log: Log = field(default_factory=Log)


Json = dict[str, Any]
_CONFIG = TypeAdapter(TrainConfig)
FREE = (
    *("input.reader", "input.threads", "input.prefetch", "input.skip_corrupt"),
    *("compute.devices", "log.tensorboard"),
)
"""Keys that may be changed when a run is resumed: they do not change what is learned from records that are whole."""


def as_mapping(config: TrainConfig) -> Json:
    """The values of a config, as JSON has them."""
    plain: Json = _CONFIG.dump_python(config, mode="json")
    return plain


def leaves(values: Mapping[str, Any], prefix: str = "") -> Json:
    """Dotted key and value of every value in nested mappings."""
    found: Json = {}
    for key, value in values.items():
        found |= leaves(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def _over(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> Json:
    """Lay tables over their defaults, key by key, so that naming one key of a table leaves the others as they are."""
    merged = dict(defaults)
    for key, value in values.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _over(merged[key], value) if both else value
    return merged


def from_mapping(values: Mapping[str, Any], source: str = "the recipe") -> TrainConfig:
    """Build a config from nested mappings.

    Raises:
        UsageError: a key is unknown or a value unfit; the sentence names it.
    """
    try:
        return _CONFIG.validate_python(_over(asdict(TrainConfig()), values))
    except ValidationError as error:
        raise UsageError(_sentence(error, source)) from None


def _sentence(error: ValidationError, source: str) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "unexpected_keyword_argument":
        return f"{source} has the key {key!r}, which no recipe has; expected one of {_siblings(first['loc'])}."
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{source} does not fit together: {message}."
    return f"{source} has {key} = {first['input']!r}, which does not fit: {message}."


def _siblings(place: tuple[int | str, ...]) -> str:
    known: Any = asdict(TrainConfig())
    for part in place[:-1]:
        known = known[part]
    return ", ".join(known)


def read_config(
    path: Place | None, overrides: Iterable[str] = (), base: Mapping[str, Any] | None = None
) -> TrainConfig:
    """Read a recipe file (None: the defaults) over a base, and set ``KEY=VALUE`` pairs over it.

    Raises:
        UsageError: the file is absent or not TOML, a key is unknown, a value is unfit.
    """
    values = _over(base or {}, {} if path is None else _read_toml(path))
    for pair in overrides:
        _assign(values, pair)
    return from_mapping(values, "The recipe" if path is None else f"The recipe {path}")


def _read_toml(path: Place) -> Json:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"The recipe {path} cannot be read ({error.strerror}); name an existing file.") from None
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number of 5,000 digits, 5,000 brackets
        raise UsageError(f"The recipe {path} is not TOML: {error}.") from None


def _assign(values: Json, pair: str) -> None:
    key, equals, text = pair.partition("=")
    if not equals or not key:
        raise UsageError(f"--set got {pair!r}; expected KEY=VALUE, such as stages.batch=32.")
    *parents, last = key.strip().split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise UsageError(f"--set got the key {key!r}, but {parent!r} is a value and has no keys below it.")
    values[last] = _parse_value(text)


def _parse_value(text: str) -> Any:  # noqa: ANN401 -- whatever TOML knows
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text  # a bare word is a string: --set optimizer.name=adamw
    return parsed["value"] if len(parsed) == 1 else text
