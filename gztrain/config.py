"""What a run is asked to do: every value that decides what is learned, read from TOML, checked at birth.

Defaults are those of ``recipes/cnn.toml``. Row ids such as F27 are those of the report's requirements.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from gzcore.recipe import overlay
from gzcore.recipe.overlay import CHECKED, Int, Json
from gzcore.storage.places import Place
from gztrain.models.spec import Augment, ModelSpec

Count = Annotated[Int, Field(ge=1)]


@dataclass(frozen=True, config=CHECKED)
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


@dataclass(frozen=True, config=CHECKED)
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


@dataclass(frozen=True, config=CHECKED)
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


@dataclass(frozen=True, config=CHECKED)
class Input:
    """How records are read; the same batches come whatever is chosen."""

    reader: Literal["auto", "tf", "native"] = "auto"
    threads: Count | None = None
    """That decode; absent: one a core."""
    prefetch: Annotated[Int, Field(ge=0, le=64)] = 2
    """Batches made ready ahead."""
    skip_corrupt: bool = False
    """Leave damaged records out and count them; else the first one stops."""


@dataclass(frozen=True, config=CHECKED)
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


@dataclass(frozen=True, config=CHECKED)
class Log:
    """What is written down, and when."""

    every: Count = 10
    """Steps to a line of history.csv; the last of an epoch may have fewer."""
    checkpoint: Count = 1000
    """Steps to a checkpoint; there is one at the end of each epoch, too."""
    tensorboard: bool = True


@dataclass(frozen=True, config=CHECKED)
class TrainConfig:
    """Everything that decides what a run learns."""

    scheme: str = "reduced"
    """Which questions are asked (F10): ``q0`` to ``q10``, ``hubble``, ``reduced``, ``all``."""
    labels: Literal["asked", "report"] = "asked"
    """How votes become labels (F15): ``asked`` masks questions without an answer; ``report`` does as the report did."""
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


def from_mapping(values: Mapping[str, Any], source: str = "the recipe") -> TrainConfig:
    """Build a config from nested mappings; see :func:`gzcore.recipe.overlay.from_mapping`."""
    return overlay.from_mapping(TrainConfig, values, source)


def read_config(
    path: Place | None, overrides: Iterable[str] = (), base: Mapping[str, Any] | None = None
) -> TrainConfig:
    """Read a recipe file (None: the defaults) over a base; see :func:`gzcore.recipe.overlay.read_recipe`."""
    return overlay.read_recipe(TrainConfig, path, overrides, base=base, example="stages.batch=32")
