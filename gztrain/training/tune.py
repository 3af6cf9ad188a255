"""``gztrain tune``: a search over values of a recipe, by Optuna. A trial is a run folder.

What a trial tries is a function of (seed, its number, the trials that have ended). So a search that was interrupted
goes on with the trial that it was at, and comes to the same trials as one that was not.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from gzcore.errors import GzError, UsageError
from gzcore.hashing import identity_hash
from gzcore.recipe.overlay import read_table
from gzcore.storage.atomic import write_json
from gzcore.storage.places import Place
from gztrain.config import TrainConfig, as_mapping, read_config
from gztrain.data.dataset import open_dataset
from gztrain.runs.data_set import record_of
from gztrain.runs.folder import RunFolder
from gztrain.runs.watch import Watch
from gztrain.training.request import TrainRequest
from gztrain.training.search_space import Vary, read_space, setting

Json = dict[str, Any]
Goal = Literal["auc", "loss"]
"""What is to be best on the validation fold: the mean AUC over labels, or the cross-entropy without label weights."""
_FIGURES = {"auc": "auc_macro", "loss": "loss"}
_RANDOM = 10
"""Trials that are drawn at random before the search looks at their results; Optuna's own default."""


@dataclass(frozen=True)
class TuneRequest:
    """What is asked of a search.

    Attributes:
        data: dataset folder.
        study: folder of the search; trial N is its folder ``trial-NNN``.
        config: the recipe whose values are varied.
        space: what is varied.
        trials: number of trials in all, those of an earlier call included.
        goal: what is to be best.
        resume: go on with the search that is in the folder.
    """

    data: Place
    study: Path
    config: TrainConfig
    space: tuple[Vary, ...]
    trials: int
    goal: Goal = "auc"
    resume: bool = False

    @property
    def journal(self) -> Path:
        """Optuna's journal of the search."""
        return self.study / "study.log"

    def run(self, number: int) -> Path:
        """The run folder of a trial."""
        return self.study / f"trial-{number:03d}"

    def config_of(self, values: dict[str, Any]) -> TrainConfig:
        """The recipe of a trial.

        Raises:
            UsageError: the values do not go together.
        """
        return read_config(None, [setting(*pair) for pair in values.items()], base=as_mapping(self.config))


def read_varied(
    recipe: Place | None, pairs: Sequence[str], over: Sequence[str]
) -> tuple[TrainConfig, tuple[Vary, ...]]:
    """Read a recipe that may have a table ``[tune]``, and what is varied.

    Args:
        recipe: its file; None: the defaults.
        pairs: ``KEY=VALUE`` pairs over the recipe.
        over: ``KEY=LOW..HIGH`` or ``KEY=A,B,C`` over the table ``[tune]``.

    Raises:
        UsageError: the recipe, a setting or a range is no good.
    """
    values = {} if recipe is None else read_table(recipe)
    table = values.pop("tune", {})
    if not isinstance(table, dict):
        raise UsageError(f"The recipe {recipe} has tune = {table!r}; expected a table [tune].")
    return read_config(None, pairs, base=values), read_space(over, table)


def check_request(request: TuneRequest) -> None:
    """Refuse what cannot work before anything is made or loaded.

    Raises:
        GzError: Optuna is not installed.
        UsageError: the recipe does not allow a value, or there is a search already, or none to go on with.
    """
    if find_spec("optuna") is None:
        raise GzError("gztrain tune needs Optuna; install it with: pip install 'gzprep[tune]' or pip install optuna.")
    for vary in request.space:
        for pair in vary.ends():
            read_config(None, [pair], base=as_mapping(request.config))
    if request.journal.exists() and not request.resume:
        raise UsageError(f"{request.study} has a search already; go on with it by --resume, or choose another folder.")


def tune(request: TuneRequest, watch: Watch) -> Json:
    """Try values until there are as many trials as asked for.

    Returns:
        What tune.json says: the trials, with what they tried, what came of it, and which is the best.

    Raises:
        GzError: the data cannot be used, or no trial came to a figure.
        UsageError: the search that is there is another one.
        Stopped: the user pressed Ctrl-C; ``--resume`` goes on.
    """
    check_request(request)
    with RunFolder(request.study).locked():
        study = _open_study(request)
        for trial in _trials(study, request):
            _try(study, trial, request, watch)
        return _summary(study, request)


def _open_study(request: TuneRequest) -> Any:  # noqa: ANN401 -- an optuna.Study
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    identity = {
        "recipe": as_mapping(request.config),
        "over": [str(vary) for vary in request.space],
        "goal": request.goal,
        "data": record_of(open_dataset(request.data)).as_json() | {"path": None},
    }
    storage = JournalStorage(JournalFileBackend(str(request.journal)))
    direction: Literal["maximize", "minimize"] = "maximize" if request.goal == "auc" else "minimize"
    study = optuna.create_study(study_name="gztrain", storage=storage, direction=direction, load_if_exists=True)
    before = study.user_attrs.get("identity")
    if before is None:
        study.set_user_attr("identity", identity)
    elif before != identity:
        changed = next(key for key in identity if before.get(key) != identity[key])
        raise UsageError(
            f"The search in {request.study} has another {changed} than is asked for now; go on with what it was begun "
            "with, or choose another folder."
        )
    return study


def _trials(study: Any, request: TuneRequest) -> Iterator[Any]:  # noqa: ANN401
    """The trial that was interrupted, if there is one, then new ones."""
    import optuna

    yield from study.get_trials(states=(optuna.trial.TrialState.RUNNING,))
    while (number := len(study.trials)) < request.trials:
        seed = identity_hash("tune", request.config.seed, number) % 2**32
        study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=_RANDOM)
        yield study.ask({vary.key: _distribution(vary) for vary in request.space})


def _distribution(vary: Vary) -> Any:  # noqa: ANN401 -- one of Optuna's
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if vary.choices:
        return CategoricalDistribution(vary.choices)
    if vary.whole:
        return IntDistribution(int(vary.low), int(vary.high), log=vary.log)
    return FloatDistribution(vary.low, vary.high, log=vary.log)


def _try(study: Any, trial: Any, request: TuneRequest, watch: Watch) -> None:  # noqa: ANN401
    """Train and judge a trial, and tell Optuna what came of it."""
    import optuna

    from gztrain.training.fit import fit

    run, values = request.run(trial.number), dict(trial.params)
    watch.tell(f"Trial {trial.number + 1} of {request.trials}, {run.name}: {_listed(values)}.")
    try:
        begun = RunFolder(run).has_run()
        metrics = fit(TrainRequest(request.data, run, request.config_of(values), resume=begun), watch)
    except GzError as error:
        if type(error) not in {GzError, UsageError}:  # the user pressed Ctrl-C
            raise
        watch.tell(f"{run.name} failed: {error}")
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        return
    value = metrics["splits"]["val"][_FIGURES[request.goal]]
    if value is None or not math.isfinite(value):
        watch.tell(f"{run.name} has no {request.goal}: no label has both values among the validation galaxies.")
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        return
    study.tell(trial.number, value)


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {shown_value(value)}" for key, value in values.items())


def shown_value(value: Any) -> str:  # noqa: ANN401 -- a number or a text
    """A value that was tried, in few digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _summary(study: Any, request: TuneRequest) -> Json:  # noqa: ANN401
    """Write tune.json.

    Raises:
        GzError: no trial came to a figure.
    """
    trials = [
        {"run": request.run(trial.number).name, "values": dict(trial.params), request.goal: trial.value}
        for trial in study.trials
    ]
    known = [trial for trial in trials if trial[request.goal] is not None]
    if not known:
        raise GzError(f"None of the {len(trials)} trials in {request.study} came to a figure; see what each one said.")
    best = (max if request.goal == "auc" else min)(known, key=lambda trial: trial[request.goal])
    document = {"goal": request.goal, "over": [str(vary) for vary in request.space], "best": best, "trials": trials}
    write_json(request.study / "tune.json", document)
    return document
