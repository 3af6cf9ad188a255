"""A training job: a request together with the data that it trains and validates on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from gzcore.dataset.layout import TRAIN
from gzcore.errors import GzError, UsageError
from gztrain.config import TrainConfig
from gztrain.data import Reader, Selection, open_reader, select
from gztrain.data.dataset import Dataset, Scheme, choose_scheme, open_dataset
from gztrain.data.debiased import check_policy, policies_of
from gztrain.data.galaxies import galaxies_of
from gztrain.data.label_counts import LabelCounts
from gztrain.data.label_source import LabelSource, votes_of
from gztrain.data.labels import POLICIES, Policy
from gztrain.data.selection import check_views
from gztrain.models import MODELS
from gztrain.models.plan import make_model_plan
from gztrain.runs.folder import RunFolder
from gztrain.training.label_weights import check_labels, label_weights, warning
from gztrain.training.losses import TrainingLoss, make_loss, questions_without_votes
from gztrain.training.request import TrainRequest
from gztrain.training.schedule import TrainingStage, plan_stages


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """A request whose data set has been opened and checked.

    Attributes:
        request: what the user asked for.
        dataset: the data set.
        scheme: the labels to learn.
        label_source: gives labels and mask.
        training_loss: the loss, with its label weights.
        reader: reads records.
        training: records to train on.
        validation: records to validate on, view 0 of the validation fold.
        galaxies: id and fold of each galaxy that trains or validates.
        label_counts: labels of the training galaxies, under each label policy.
        notes: sentences to show to the user before training.
    """

    request: TrainRequest
    dataset: Dataset
    scheme: Scheme
    label_source: LabelSource
    training_loss: TrainingLoss
    reader: Reader
    training: Selection
    validation: Selection
    galaxies: dict[str, int]
    label_counts: dict[Policy, LabelCounts]
    notes: tuple[str, ...]

    @property
    def config(self) -> TrainConfig:
        """The config of the run."""
        return self.request.config

    @property
    def stages(self) -> tuple[TrainingStage, ...]:
        """The training stages of this run."""
        return stages_of(self.config)


def stages_of(config: TrainConfig) -> tuple[TrainingStage, ...]:
    """The training stages that a config asks for.

    Raises:
        UsageError: some blocks of a backbone are to be trained, and the model has none.
    """
    entry, weights = MODELS[config.model.name], config.model.weights
    if not entry.two_stage:
        _refuse_blocks(config)
    from_imagenet = entry.has_imagenet if weights is None else weights != "none"
    return plan_stages(config, pretrained=entry.two_stage and from_imagenet)


def _refuse_blocks(config: TrainConfig) -> None:
    """Refuse keys that are about a backbone, for a model that has none."""
    for key, asked in (
        ("--unfreeze", config.stages.unfreeze is not None),
        ("optimizer.layer_decay", config.optimizer.layer_decay != 1),
    ):
        if asked:
            raise UsageError(f"{key} counts blocks of a backbone, and {config.model.name} has none; leave it out.")


def make_job(request: TrainRequest) -> TrainingJob:
    """Open the data set, and choose the records to train and to validate on.

    Raises:
        GzError: the folder is not whole, lacks the labels, or has no galaxies to train or validate on.
        UsageError: there is no such fold, scheme or model.
    """
    dataset = open_dataset(request.data)
    request = with_views(request, dataset)
    config = request.config
    scheme = choose_scheme(dataset, config.scheme)
    check_policy(dataset, config.labels)
    if config.fold not in dataset.folds:
        raise UsageError(f"There is no fold {config.fold} in {dataset.place}; it has {_listed(dataset.folds)}.")
    others = [fold for fold in dataset.folds if fold != config.fold]
    training = select(dataset, folds=others, views=config.views or 0, share_views=config.share_views)
    validation = select(dataset, folds=[config.fold])
    for name, selection in (("train on", training), ("validate on", validation)):
        if not len(selection):
            raise GzError(f"{dataset.place} has no galaxies to {name} (fold {config.fold} validates); use more.")
    settings = config.input
    reader = open_reader(
        settings.reader, threads=settings.threads, prefetch=settings.prefetch, skip_damaged=settings.skip_damaged
    )
    label_source = LabelSource(scheme, config.labels, config.min_votes, config.ties)
    counts = {
        policy: replace(label_source, policy=policy).count(dataset, others, reader)
        for policy in POLICIES
        if policy in policies_of(dataset)
    }
    training_loss, notes = _training_loss(config, dataset, label_source, others, reader, label_counts=counts)
    make_model_plan(config.model, dataset.crop, training_loss.outputs)
    if config.share_views:
        notes = (*notes, _leak(config))
    return TrainingJob(
        request=request,
        dataset=dataset,
        scheme=scheme,
        label_source=label_source,
        training_loss=training_loss,
        reader=reader,
        training=training,
        validation=validation,
        galaxies=galaxies_of(dataset, TRAIN),
        label_counts=counts,
        notes=notes,
    )


def _leak(config: TrainConfig) -> str:
    """What share_views means for the figures of this run.

    Raises:
        UsageError: there are no views to share.
    """
    if not config.views:
        raise UsageError(
            "share_views trains on extra views of the validation galaxies, and --views is 0; ask for 1 or more."
        )
    return (
        "share_views: the validation galaxies also train, by their extra views. The figures on validation say too much "
        "good of the model; those on the test split do not."
    )


def with_views(request: TrainRequest, dataset: Dataset) -> TrainRequest:
    """The request with the number of extra views that it trains on.

    Raises:
        UsageError: the folder has fewer extra views than were asked for.
    """
    asked = request.config.views
    if asked is None:
        return replace(request, config=replace(request.config, views=dataset.views))
    begun = request.resume and RunFolder(request.run).config.exists()  # in earlier versions, a run may say more
    if not begun:
        check_views(dataset, asked)
    return request


def _listed(folds: tuple[int, ...]) -> str:
    return ", ".join(map(str, folds))


def _training_loss(  # noqa: PLR0913 -- all that a loss may depend on
    config: TrainConfig,
    dataset: Dataset,
    label_source: LabelSource,
    folds: list[int],
    reader: Reader,
    *,
    label_counts: Mapping[Policy, LabelCounts],
) -> tuple[TrainingLoss, tuple[str, ...]]:
    """The loss with its label weights, and sentences about labels that cannot be learned."""
    loss = config.loss
    make = partial(
        make_loss,
        loss.name,
        label_source.scheme,
        policy=config.labels,
        min_votes=config.min_votes,
        ties=config.ties,
        gamma=loss.gamma,
        smoothing=loss.label_smoothing,
    )
    if loss.name == "dirichlet":
        return make(), _silence(config, questions_without_votes(votes_of(dataset, folds, reader), label_source.scheme))
    counts = label_counts[config.labels]
    if config.strict_labels:
        check_labels(counts)
    note = warning(counts)
    return make(label_weights(loss.weights, counts, loss.weight_total)), (note,) if note else ()


def _silence(config: TrainConfig, silent: tuple[str, ...]) -> tuple[str, ...]:
    if not silent:
        return ()
    sentence = f"No training galaxy has vote counts for {', '.join(silent)}: nothing can be learned there."
    if config.strict_labels:
        raise GzError(f"{sentence} Use another loss, or no --strict-labels.")
    return (sentence,)
