"""The recipe of a training run: every value that decides what is learned, read from TOML and checked at once.

Defaults are those of ``recipes/cnn.toml``. Row ids such as F27 are those of the report's requirements.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, model_validator
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
    """How weights of labels follow from their frequency (F16, F17)."""
    weight_total: Literal["classes", "samples"] = "classes"
    """What the weights add up to: number of labels, or of galaxies as the report's text has it."""
    gamma: Annotated[float, Field(ge=0, le=10)] = 2.0
    """How much ``focal`` reduces the weight of labels that are predicted well."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """How far labels are moved to the middle, as in Keras: 1 becomes 1 - s / 2, 0 becomes s / 2; not for
    ``dirichlet``, which has no labels. For ``softmax``, s is spread over all answers of a question."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.label_smoothing and self.name == "dirichlet":
            raise ValueError("loss.name dirichlet learns from votes, so there are no labels for loss.label_smoothing")
        return self


@dataclass(frozen=True, config=CHECKED)
class Optimizer:
    """How weights are updated."""

    name: Literal["adam", "adamw"] = "adamw"
    """``adamw`` is ``adam`` with weight decay."""
    rate: Annotated[float, Field(gt=0, le=10)] = 1e-3
    """Learning rate of the first stage."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """``cosine`` falls to zero over the epochs of a stage."""
    warmup: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Epochs over which the rate rises from zero, in each stage."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.05
    """For ``adamw`` only; biases, norms and position embeddings do not decay."""
    clip: Annotated[float, Field(gt=0)] | None = None
    """Largest norm of the whole gradient; absent: no limit."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """In the second stage, the rate of a block of the backbone as a share of that of the block after it. The head has
    the rate of the stage. 1: all alike."""
    ema: bool = False
    """Average the weights over the steps of a stage; validation and the saved model use the average."""
    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Share of the average that a step keeps; the new weights have the rest."""


@dataclass(frozen=True, config=CHECKED)
class Stages:
    """How long to train, and when to stop. A model with pretrained weights first trains its head alone."""

    batch: Count = 64
    """Galaxies in a step, over all devices."""
    epochs: Annotated[Int, Field(ge=0)] = 12
    """Largest number of epochs in the first stage."""
    fine_tune_epochs: Annotated[Int, Field(ge=0)] = 5
    """Largest number of epochs in the second stage, which trains all layers (F46)."""
    fine_tune_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Rate of the second stage, as a share of the first."""
    unfreeze: Annotated[Int, Field(ge=0)] | None = None
    """Blocks of the backbone, counted from its end, that the second stage trains beside the head; absent: all."""
    patience: Count = 6
    """A stage ends after so many epochs without a better validation; the best weights are kept."""
    monitor: Literal["loss", "auc", "last"] = "loss"
    """What a better validation is: a smaller loss, or a larger mean AUC over labels. ``last``: the last epoch is kept,
    and validation chooses nothing."""


@dataclass(frozen=True, config=CHECKED)
class Input:
    """How records are read. Every choice gives the same batches."""

    reader: Literal["auto", "tf", "native"] = "auto"
    """``native`` needs no TensorFlow; ``tf`` is TensorFlow's; ``auto`` is ``native``."""
    threads: Count | None = None
    """Threads that decode images; absent: one for each core."""
    prefetch: Annotated[Int, Field(ge=0, le=64)] = 2
    """Batches that are prepared in advance."""
    skip_damaged: bool = False
    """Leave damaged records out and count them; if false, the first one stops the run."""

    @model_validator(mode="before")
    @classmethod
    def _take_old_name(cls, values: Any) -> Any:  # noqa: ANN401 -- whatever pydantic was given
        """Runs and recipes of version 0.1 call ``skip_damaged`` ``skip_corrupt``."""
        if not isinstance(values, Mapping) or "skip_corrupt" not in values:
            return values
        others = {key: value for key, value in values.items() if key != "skip_corrupt"}
        return {**others, "skip_damaged": values["skip_corrupt"] or others.get("skip_damaged", False)}


@dataclass(frozen=True, config=CHECKED)
class Compute:
    """How a step is computed."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """``auto``: bfloat16 where the device multiplies it in hardware, float32 elsewhere."""
    devices: Count | None = None
    """Number of devices; absent: all."""
    accumulate: Count = 1
    """Number of pieces that a batch is cut into, to save memory."""
    jit: Literal["auto", "on", "off"] = "auto"
    """Whether TensorFlow compiles the step with XLA; ``auto``: on GPUs. JAX always compiles."""


@dataclass(frozen=True, config=CHECKED)
class Log:
    """What is written down, and when."""

    every: Count = 10
    """Steps in a line of history.csv; the last line of an epoch may have fewer."""
    checkpoint: Count = 1000
    """Steps between two checkpoints; an epoch ends with one, too."""
    tensorboard: bool = True
    """Write the files that TensorBoard shows, where tensorboard is installed."""


@dataclass(frozen=True, config=CHECKED)
class TrainConfig:
    """Everything that decides what a run learns."""

    scheme: str = "auto"
    """Which questions are asked (F10): ``q0`` and so on, ``all``, or a name that the survey gave, such as ``reduced``;
    ``auto``: ``reduced`` where the data set has it, else ``all``."""
    labels: Literal["asked", "report", "debiased"] = "asked"
    """How votes become labels (F15): ``asked`` masks questions without an answer; ``report`` does as the report did;
    ``debiased`` is as ``asked``, from the debiased fractions of Hart et al. 2016, where the data set has them."""
    min_votes: Annotated[Int, Field(ge=0)] = 5
    """Votes that a question needs to count as answered, under ``asked``, where there are counts."""
    ties: Literal["mask", "keep"] = "mask"
    """A question whose two best answers have as many votes, under ``asked``: ``mask`` it, or ``keep`` the label that
    gzprep drew by a hash of the galaxy."""
    fold: Annotated[Int, Field(ge=0)] = 0
    """The fold that validates; the others train."""
    views: Annotated[Int, Field(ge=0)] | None = None
    """Extra views of a training galaxy to use; absent: all that the data set has; 0: view 0 only."""
    share_views: bool = False
    """Also train on the extra views of the validation galaxies, as the 2024 report did. Validation then says too much
    good of the model; this is here to show how much (see ``gztrain report-against-asked``)."""
    seed: Annotated[Int, Field(ge=0, lt=1 << 32)] = 0
    """Of first weights, order, augmentation and dropout."""
    strict_labels: bool = False
    """A label that no training galaxy has is an error, not a warning."""
    calibrate: bool = True
    """Fit a temperature for each question on the validation fold, and store them in the model; no answer changes."""
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

    def __post_init__(self) -> None:
        """Refuse what would change nothing."""
        second = self.stages.unfreeze is not None or self.optimizer.layer_decay != 1
        if second and not self.stages.fine_tune_epochs:
            raise ValueError(
                "stages.unfreeze and optimizer.layer_decay act in the second stage, which has 0 epochs; set "
                "stages.fine_tune_epochs"
            )


_CONFIG = TypeAdapter(TrainConfig)
FREE = (
    *("input.reader", "input.threads", "input.prefetch", "input.skip_damaged"),
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
