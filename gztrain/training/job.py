"""What is trained on what: a request whose data were looked at."""

from dataclasses import dataclass
from functools import partial

from gzcore.errors import GzError, UsageError
from gztrain.config import TrainConfig
from gztrain.data import Reader, Selection, open_reader, select
from gztrain.data.dataset import Dataset, Scheme, choose_scheme, open_dataset
from gztrain.data.label_source import Truth, votes_of
from gztrain.models import MODELS
from gztrain.models.plan import make_plan
from gztrain.training.label_weights import check_labels, label_weights, warning
from gztrain.training.losses import Objective, make_objective, silent_questions
from gztrain.training.request import Request
from gztrain.training.schedule import Stage, plan_stages


@dataclass(frozen=True, eq=False)
class Job:
    """A request whose data were looked at."""

    request: Request
    dataset: Dataset
    scheme: Scheme
    truth: Truth
    objective: Objective
    reader: Reader
    training: Selection
    validation: Selection
    notes: tuple[str, ...]

    @property
    def config(self) -> TrainConfig:
        """What to learn."""
        return self.request.config

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The protocol of this run."""
        spec = self.config.model
        entry = MODELS[spec.name]
        from_imagenet = entry.has_imagenet if spec.weights is None else spec.weights != "none"
        return plan_stages(self.config, pretrained=entry.two_stage and from_imagenet)


def make_job(request: Request) -> Job:
    """Look at the data, and choose what of it trains and validates.

    Raises:
        GzError: the folder is not whole, lacks the labels, or has no galaxies to train or validate on.
        UsageError: there is no such fold, scheme or model.
    """
    config = request.config
    dataset = open_dataset(request.data)
    scheme = choose_scheme(dataset, config.scheme)
    if config.fold not in dataset.folds:
        raise UsageError(f"There is no fold {config.fold} in {dataset.place}; it has {_listed(dataset.folds)}.")
    others = [fold for fold in dataset.folds if fold != config.fold]
    settings = config.input
    reader = open_reader(
        settings.reader, threads=settings.threads, prefetch=settings.prefetch, skip_corrupt=settings.skip_corrupt
    )
    truth = Truth(scheme, config.labels, config.min_votes)
    objective, notes = _objective(config, dataset, truth, others, reader)
    make_plan(config.model, dataset.crop, objective.outputs)
    training = select(dataset, folds=others, views=config.views)
    validation = select(dataset, folds=[config.fold])
    for name, selection in (("train on", training), ("validate on", validation)):
        if not len(selection):
            raise GzError(f"{dataset.place} has no galaxies to {name} (fold {config.fold} validates); use more.")
    return Job(request, dataset, scheme, truth, objective, reader, training, validation, notes)


def _listed(folds: tuple[int, ...]) -> str:
    return ", ".join(map(str, folds))


def _objective(
    config: TrainConfig, dataset: Dataset, truth: Truth, folds: list[int], reader: Reader
) -> tuple[Objective, tuple[str, ...]]:
    """The loss, with its weights, and what is to be said of the labels."""
    loss = config.loss
    make = partial(
        make_objective, loss.name, truth.scheme, policy=config.labels, min_votes=config.min_votes, gamma=loss.gamma
    )
    if loss.name == "dirichlet":
        return make(), _silence(config, silent_questions(votes_of(dataset, folds, reader), truth.scheme))
    counts = truth.count(dataset, folds, reader)
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
