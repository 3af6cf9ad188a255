"""``gztrain fit`` on the small sky: what a run leaves, and that it learns what it was asked to."""

import json
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow.parquet as pq
import pytest

from gzcore.errors import GzError, UsageError
from gztrain.config import TrainConfig, read_config
from gztrain.data import open_reader, select
from gztrain.data.dataset import choose_scheme, open_dataset
from gztrain.data.label_source import LabelSource
from gztrain.evaluation.evaluate import evaluate, read_metrics
from gztrain.evaluation.figures import METRICS
from gztrain.evaluation.model_card import read_card
from gztrain.evaluation.predictions import read_predictions
from gztrain.models import ModelSpec, build
from gztrain.runs.folder import RunFolder, open_run
from gztrain.runs.history import read_history
from gztrain.runs.watch import Quiet
from gztrain.training import loop
from gztrain.training.fit import fit
from gztrain.training.job import make_job
from gztrain.training.request import TrainRequest
from tests.gz2 import SCHEMES
from tests.gztrain.run_folders import TINY
from tests.gztrain.shards import copied, flip
from tests.gztrain.synthetic import documented_keys, paths
from tests.running import gztrain

pytestmark = pytest.mark.slow

QUICK = ("model.size=16", "stages.batch=16", "stages.epochs=1", "stages.fine_tune_epochs=0", "bootstrap=0")


def config(*settings: str) -> TrainConfig:
    return read_config(None, [*QUICK, *settings])


class Told(Quiet):
    """A watcher that remembers what it was told."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def tell(self, sentence: str) -> None:
        self.sentences.append(sentence)


@pytest.fixture(scope="module")
def run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of two epochs and one, by the command itself."""
    folder = tmp_path_factory.mktemp("fit") / "run"
    steady = ("--schedule", "constant", "--set", "optimizer.warmup=0")
    result = gztrain("fit", dataset, "--run", folder, *TINY, *steady)
    assert result.code == 0, result.err
    for part in ("of fold 0 validate.", "3 steps of 32 in an epoch", "policy asked", "with tensorflow in float32"):
        assert part in result.err
    assert re.search(r"Epoch \d of stage [a-z-]+ is kept, .* \(bce, weights ens\), .* galaxies of fold 0\.", result.err)
    assert str(folder) in result.out
    return RunFolder(folder)


def test_a_run_leaves_all_its_files(run: RunFolder) -> None:
    assert {path.name for path in run.root.iterdir()} == {
        *("config.json", "history.csv", "tensorboard", "checkpoint", "model.keras", "metrics.json"),
        *("predictions.parquet", "predictions-val.parquet", "galaxies.parquet", ".gztrain", "MODEL_CARD.md"),
    }


def test_the_card_says_what_the_run_was_made_of_and_trains_it_again_to_the_last_bit(
    run: RunFolder, dataset: Path, tmp_path: Path
) -> None:
    card, alone = run.card.read_text(), tmp_path / "CARD.md"
    said = read_card(run.card)
    assert said["data"]["data_hash"] in card
    assert said["versions"]["keras"] == keras.__version__
    assert str(dataset) not in card
    assert str(run.root) not in card
    alone.write_text(card)
    again = gztrain("reproduce", alone, "--data", dataset, "--run", tmp_path / "again", "--json")
    assert again.code == 0, again.err
    assert again.json["same_weights"]
    assert again.json["versions"] == {}
    assert "--data" in gztrain("reproduce", alone, "--run", tmp_path / "third").sentence
    assert "has a run already" in gztrain("reproduce", run.root, "--run", tmp_path / "again").sentence


def test_a_run_that_began_with_a_file_of_weights_is_trained_again_to_the_last_bit(
    run: RunFolder, dataset: Path, tmp_path: Path
) -> None:
    """Also where the file has moved; from another file it is refused."""
    weights, first, again = tmp_path / "begin.keras", tmp_path / "first", tmp_path / "again"
    shutil.copyfile(run.model, weights)
    short = (*TINY, "--epochs", "1", "--fine-tune-epochs", "0")
    assert gztrain("fit", dataset, "--run", first, *short, "--weights", weights).code == 0
    moved = weights.rename(tmp_path / "moved.keras")
    assert "begin.keras; name it with --weights" in gztrain("reproduce", first, "--run", again).sentence
    other = gztrain("reproduce", first, "--run", again, "--weights", first / "model.keras")
    assert "is not the file of weights that the run began with" in other.sentence
    result = gztrain("reproduce", first, "--run", again, "--weights", moved, "--json")
    assert result.code == 0, result.err
    assert result.json["same_weights"]


def test_the_history_has_a_line_a_step_and_validation_at_the_end_of_each_epoch(run: RunFolder) -> None:
    rows = read_history(run.history)
    assert [row["step"] for row in rows] == list(range(1, 10))
    assert [row["step"] for row in rows if row["val_loss"] is not None] == [3, 6, 9]
    assert [(row["stage"], row["epoch"]) for row in rows[2::3]] == [("whole", 1), ("whole", 2), ("fine-tune", 1)]
    assert [row["rate"] for row in rows] == pytest.approx([1e-3] * 6 + [1e-4] * 3)


def test_the_model_takes_bytes_and_gives_probabilities(run: RunFolder) -> None:
    opened = open_run(run.root)
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    found = np.asarray(opened.model()(noise))
    assert found.shape == (3, len(opened.scheme.names))
    assert found.dtype == np.float32
    assert ((found > 0) & (found < 1)).all()
    assert np.ptp(found, axis=0).max() > 0


def test_predictions_are_those_of_the_model_for_the_validation_fold(run: RunFolder, dataset: Path) -> None:
    opened = open_run(run.root)
    data = open_dataset(dataset)
    selection = select(data, folds=[0])
    (batch,) = open_reader().batches(selection, np.arange(len(selection)), len(selection))
    told = read_predictions(run.predictions)
    assert told.ids == batch.ids
    np.testing.assert_allclose(told.probabilities, np.asarray(opened.model()(batch.images)), atol=1e-5)
    few_votes = batch.votes[:, [question.index for question in opened.scheme.questions for _ in question.used]] < 5
    np.testing.assert_array_equal(told.mask, np.where(few_votes, 0, batch.mask[:, list(opened.scheme.places)]))
    smooth = told.ids.index("587736872238655265")  # 46 votes, 42 on roundness, and 3 on each question about disks
    assert told.mask[smooth].tolist() == [1, 0, 0, 0, 1, 1, 1, 0]
    table = pq.read_table(run.predictions)
    assert table.column_names == ["id", "probabilities", "labels", "mask", "fractions", "votes", "estimated"]


def test_metrics_have_the_thirteen_names_and_counts_that_add_up(run: RunFolder) -> None:
    document = json.loads(run.metrics.read_text())
    assert (document["schema"], document["scheme"], list(document["splits"])) == (1, "reduced", ["val"])
    found = document["splits"]["val"]
    assert set(METRICS) <= set(found)
    told = read_predictions(run.predictions)
    counts = [found[f"{right}_{said}"] for right in ("true", "false") for said in ("positives", "negatives")]
    assert all(isinstance(count, int) for count in counts)
    assert sum(counts) == told.mask.sum()
    assert found["labels"] == "asked"


def test_the_best_epoch_is_the_one_that_is_kept(run: RunFolder) -> None:
    """The validation loss of the kept model is the smallest in the history."""
    opened = open_run(run.root)
    lowest = min(row["val_loss"] for row in read_history(run.history) if row["val_loss"] is not None)  # type: ignore[type-var]
    job = make_job(TrainRequest(opened.dataset, run.root, opened.config))
    told = read_predictions(run.predictions)
    (batch,) = job.reader.batches(job.validation, np.arange(len(job.validation)), len(job.validation))
    fitted = read_metrics(run)["splits"]["val"]["temperatures"]  # validation knows none of them
    of_labels = [fitted[question.name] for question in opened.scheme.questions for _ in question.used]
    logits = (np.log(told.probabilities) - np.log1p(-told.probabilities)) * np.float32(of_labels)
    loss = np.asarray(job.training_loss.per_galaxy(job.training_loss.targets(batch), logits))
    assert float(loss.mean()) == pytest.approx(lowest, rel=1e-4)


# ---------------------------------------------------------------- where a run is already


def test_a_folder_with_a_run_is_refused(run: RunFolder, dataset: Path) -> None:
    before = run.config.read_bytes()
    result = gztrain("fit", dataset, "--run", run.root, *TINY)
    assert result.code == 2
    for word in ("has a run already", "--resume", "--overwrite"):
        assert word in result.sentence
    assert run.config.read_bytes() == before


def test_a_run_that_has_ended_is_left_as_it_is(run: RunFolder, dataset: Path) -> None:
    history, metrics = run.history.read_bytes(), json.loads(run.metrics.read_text())
    result = gztrain("fit", dataset, "--run", run.root, "--resume", "--json")
    assert result.code == 0
    assert "has ended already" in result.sentence
    assert result.json == metrics
    assert run.history.read_bytes() == history


def test_another_config_is_not_resumed(run: RunFolder, dataset: Path) -> None:
    result = gztrain("fit", dataset, "--run", run.root, "--resume", "--batch", "8")
    assert result.code == 2
    assert "stages.batch = 32, and 8" in result.sentence


# ---------------------------------------------------------------- stopping


def pressing(step: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, but Ctrl-C is pressed when it is called for the given time."""
    calls = iter(range(1, 10**6))

    def pressed(*arguments: Any) -> Any:
        if next(calls) == step:
            signal.raise_signal(signal.SIGINT)
        return function(*arguments)

    return pressed


@pytest.mark.slow
@pytest.mark.usefixtures("lean_training")
def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop.Loop, "_after_step", pressing(2, loop.Loop._after_step))
    handler = signal.getsignal(signal.SIGINT)
    result = gztrain("fit", dataset, "--run", tmp_path, *TINY, "--epochs", "1", "--fine-tune-epochs", "0", "--json")
    assert result.code == 130
    assert result.sentence == "gztrain: Stopped after step 2; the same command with --resume goes on from there."
    assert signal.getsignal(signal.SIGINT) is handler
    assert (tmp_path / "checkpoint" / "last.npz").exists()
    result = gztrain("fit", dataset, "--run", tmp_path, "--resume", "--json")
    assert result.code == 0, result.err
    assert [row["step"] for row in read_history(tmp_path / "history.csv")] == [1, 2, 3]


@pytest.mark.slow
@pytest.mark.usefixtures("lean_training")
def test_a_loss_that_is_no_number_ends_the_run(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_floats", lambda losses: [float("nan") for _ in losses])
    with pytest.raises(GzError, match="loss is nan after step 5: training has diverged"):
        fit(TrainRequest(dataset, tmp_path / "run", config()), Told())


# ---------------------------------------------------------------- what is asked for


@pytest.mark.slow
@pytest.mark.usefixtures("lean_training")
def test_patience_ends_a_stage_and_the_best_epoch_is_restored(dataset: Path, tmp_path: Path) -> None:
    """At a rate of nothing no epoch is better than the first."""
    asked = config("stages.epochs=5", "stages.patience=2", "optimizer.rate=1e-30", "model.dropout=0", "views=0")
    fit(TrainRequest(dataset, tmp_path / "run", asked), Told())
    validated = [row["val_loss"] for row in read_history(tmp_path / "run" / "history.csv") if row["val_loss"]]
    assert 3 <= len(validated) < 5


SHOWN = {("q0", "asked"), ("q9", "asked"), ("hubble", "report")}
SCHEMES_AND_POLICIES = [
    pytest.param(scheme, policy, marks=() if (scheme, policy) in SHOWN else pytest.mark.thorough)
    for scheme in SCHEMES
    for policy in ("asked", "report")
]
"""In every `make test`: a question of one label, one of three, and several questions; both policies."""


@pytest.mark.slow
@pytest.mark.usefixtures("lean_training")
@pytest.mark.parametrize(("scheme", "policy"), SCHEMES_AND_POLICIES)
def test_every_scheme_trains_and_is_judged_under_both_policies(
    scheme: str, policy: str, dataset: Path, tmp_path: Path
) -> None:
    """All counts of what is known come out as the manifest has them, which gzprep counted with every vote and tie."""
    rules = (f"scheme={scheme}", f"labels={policy}", "min_votes=1", "ties=keep")
    asked = config(*rules, "views=0", "stages.batch=64", "log.tensorboard=false")
    fit(TrainRequest(dataset, tmp_path, asked), Told())
    document = evaluate(tmp_path, "test")
    data = open_dataset(dataset)
    chosen, counted = choose_scheme(data, scheme), data.manifest["labels"]
    assert isinstance(read_history(tmp_path / "history.csv")[-1]["loss"], float)
    assert document["scheme"] == scheme
    for split, counts in (("val", counted["folds"]["0"]), ("test", counted["test"])):
        found = document["splits"][split]
        assert (found["labels"], found["galaxies"]) == (policy, counts["galaxies"])
        assert tuple(found["per_label"]) == tuple(data.label_names[place] for place in chosen.places)
        known = [counts["answered"][place] if policy == "asked" else counts["galaxies"] for place in chosen.places]
        assert [label["known_labels"] for label in found["per_label"].values()] == known
        ones = [counts[policy][place] for place in chosen.places]
        assert [label["positives"] for label in found["per_label"].values()] == ones
        right_and_wrong = [f"{right}_{said}" for right in ("true", "false") for said in ("positives", "negatives")]
        assert sum(found[name] for name in right_and_wrong) == sum(known) == found["known_labels"]


@pytest.mark.slow
@pytest.mark.usefixtures("lean_training")
@pytest.mark.parametrize("loss", ["softmax", "focal", "dirichlet"])
def test_every_loss_trains_and_gives_a_model_of_labels(loss: str, dataset: Path, tmp_path: Path) -> None:
    found = fit(TrainRequest(dataset, tmp_path / "run", config(f"loss.name={loss}", "views=0", "scheme=q6")), Told())
    told = read_predictions(tmp_path / "run" / "predictions.parquet")
    assert told.names == open_run(tmp_path / "run").scheme.names
    assert found["splits"]["val"]["galaxies"] == len(told.ids)


@pytest.mark.slow
@pytest.mark.usefixtures("lean_training")
def test_a_pretrained_model_learns_its_head_first(dataset: Path, tmp_path: Path) -> None:
    """From a file of weights; the backbone, batch norm and all, is as it was until the second stage."""
    file, spec = tmp_path / "weights.keras", ModelSpec("vgg16", weights="none", size=32, head="plain")
    galaxy = build(spec, crop=64, outputs=1)
    galaxy.model.save(file)
    before = _backbone(galaxy.model)
    asked = config("model.name=vgg16", "model.size=32", "model.head=plain", f"model.weights={file}", "scheme=q0")
    fit(TrainRequest(dataset, tmp_path / "run", replace(asked, views=0)), Told())
    assert {row["stage"] for row in read_history(tmp_path / "run" / "history.csv")} == {"head"}
    after = _backbone(open_run(tmp_path / "run").model())
    assert len(before) == 26
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def _backbone(model: Any) -> list[np.ndarray]:
    from gztrain.models.body import unpack

    backbone = unpack(model).backbone
    assert backbone is not None
    return [np.array(value) for value in backbone.get_weights()]


@pytest.mark.slow
@pytest.mark.usefixtures("lean_training")
def test_bfloat16_trains_and_leaves_a_model_that_computes_in_float32(dataset: Path, tmp_path: Path) -> None:
    fit(TrainRequest(dataset, tmp_path / "run", config("compute.precision=bfloat16", "views=0")), Told())
    model = open_run(tmp_path / "run").model()
    assert {layer.dtype_policy.name for layer in model._flatten_layers() if hasattr(layer, "dtype_policy")} == {
        "float32"
    }
    assert keras.config.dtype_policy().name == "float32"
    (row,) = read_history(tmp_path / "run" / "history.csv")[-1:]
    assert isinstance(row["loss"], float)
    assert 0 < row["loss"] < 5


def test_more_votes_than_the_recipe_asked_for_are_counted_anew(dataset: Path) -> None:
    data = open_dataset(dataset)
    scheme = choose_scheme(data, "all")
    reader = open_reader()
    by_manifest, strict = (LabelSource(scheme, "asked", votes).count(data, [1, 2], reader) for votes in (1, 15))
    assert by_manifest.galaxies == strict.galaxies
    assert (strict.answered <= by_manifest.answered).all()
    assert strict.answered.sum() < by_manifest.answered.sum()
    again = LabelSource(scheme, "report", 15).count(data, [1, 2], reader)  # report masks nothing, whatever the votes
    assert (again.answered == again.galaxies).all()


def test_a_label_without_a_positive_is_said_or_refused(dataset: Path, tmp_path: Path) -> None:
    job = make_job(TrainRequest(dataset, tmp_path, config("scheme=q9")))
    (note,) = job.notes
    assert note.startswith("No training galaxy has spiral-arm-count-gz2_")
    with pytest.raises(GzError, match="--strict-labels"):
        make_job(TrainRequest(dataset, tmp_path, config("scheme=q9", "strict_labels=true")))


@pytest.mark.parametrize(
    ("setting", "error", "part"),
    [
        ("fold=7", UsageError, "There is no fold 7"),
        ("scheme=q77", UsageError, "There is no scheme 'q77'"),
        ("model.name=resnet51", UsageError, "did you mean resnet50"),
        ("model.size=65", UsageError, "larger than the crop"),
        ("compute.devices=64", UsageError, "64 devices were asked for"),
        ("compute.accumulate=3", UsageError, "multiple of 3"),
    ],
)
def test_an_impossible_setting_is_reported_before_the_run_folder_is_made(
    setting: str, error: type[Exception], part: str, dataset: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=part):
        fit(TrainRequest(dataset, tmp_path / "run", config(setting)), Told())
    assert not (tmp_path / "run").exists()


def shares_of_smooth(folder: Path, share: float) -> Path:
    """A file with the share of one label in a population."""
    path = folder / "shares.csv"
    path.write_text(f"label,share\nsmooth-or-featured-gz2_smooth,{share}\n")
    return path


@pytest.mark.parametrize(
    ("option", "parts"),
    [
        (("--by", "petroR90_r"), ("There is no column 'petroR90_r'", "there are id_str, split", "columns of votes")),
        (("--by", "flags"), ("is of type 'list<", "by a column of numbers or texts")),
        (("--prevalence", "no.csv"), ("There is no file no.csv",)),
    ],
)
def test_what_galaxies_cannot_be_grouped_by_is_said_before_the_model_runs(
    option: tuple[str, str], parts: tuple[str, ...], run: RunFolder
) -> None:
    result = gztrain("evaluate", run.root, "--split", "val", *option)
    assert result.code != 0
    for part in parts:
        assert part in result.sentence


def test_evaluation_on_test_adds_to_what_is_known(run: RunFolder, tmp_path: Path) -> None:
    asked = ("--by", "ra", "--by", "verdict", "--prevalence", shares_of_smooth(tmp_path, 0.5))
    result = gztrain("evaluate", run.root, "--split", "test", "--json", *asked)
    assert result.code == 0, result.err
    assert set(result.json["splits"]) == {"val", "test"}
    ids = {*read_predictions(run.predictions_of("val")).ids}
    assert not ids & {*read_predictions(run.predictions_of("test")).ids}
    assert read_predictions(run.predictions).ids == read_predictions(run.predictions_of("test")).ids
    document = json.loads(result.out.replace('"ra":', '"COLUMN":').replace('"verdict": {', '"COLUMN": {'))
    assert paths(document, open_run(run.root).scheme) <= documented_keys()
    found = result.json["splits"]["test"]
    assert list(found["by"]) == ["ra", "verdict"]
    for part in found["by"].values():
        assert sum(group["galaxies"] for group in part["groups"]) + part["without"] == found["galaxies"]
    (question,) = found["prevalence"]["per_question"].values()
    assert [answer["population"] for answer in question["answers"]] == [0.5, 0.5]
    page = gztrain("report", run.root, "--html", tmp_path / "page")
    assert page.code == 0, page.err
    written = (tmp_path / "page" / "report.html").read_text()
    assert all(part in written for part in ("By verdict, all questions together.", "with the shares of shares.csv"))
    for path in (run.predictions_of("val"), run.predictions, run.metrics, run.card):
        (run.root / f".{'0' * 32}.{path.name}").touch()  # what a command that was killed has left
    result = gztrain("evaluate", run.root, "--split", "val")
    assert "AUC, mean over labels" in result.out
    assert "commonest answer" in result.out
    assert not list(run.root.glob(f".{'0' * 32}.*"))


def test_labels_to_judge_by_can_be_chosen(run: RunFolder) -> None:
    found = gztrain("evaluate", run.root, "--labels", "report", "--json").json["splits"]["test"]
    told = read_predictions(run.predictions_of("test"))
    assert found["labels"] == "report"
    assert told.mask.all()
    assert gztrain("evaluate", run.root, "--labels", "guessed").code == 2


# ---------------------------------------------------------------- damage


def damaged(dataset: Path, to: Path, fold: int) -> Path:
    """A copy of a data set in which the first record of a shard of view 0 of some fold is damaged."""
    copy = copied(dataset, to)
    shard = next(shard for shard in open_dataset(copy).shards_of("train", [fold]) if shard.records)
    flip(shard.path, 40)
    return copy


@pytest.mark.slow
@pytest.mark.usefixtures("lean_training")
def test_a_damaged_record_stops_a_run_or_is_left_out_and_counted(dataset: Path, tmp_path: Path) -> None:
    data = damaged(dataset, tmp_path / "data", fold=1)
    with pytest.raises(GzError, match=r"Record 1 of \d+ in the shard .* --skip-damaged"):
        fit(TrainRequest(data, tmp_path / "stops", config("views=0")), Told())
    watch = Told()
    fit(TrainRequest(data, tmp_path / "goes on", config("views=0", "input.skip_damaged=true")), watch)
    (sentence,) = watch.sentences
    assert sentence.startswith("1 damaged records were left out")


def test_a_damaged_record_stops_evaluation_or_is_left_out(run: RunFolder, dataset: Path, tmp_path: Path) -> None:
    data = damaged(dataset, tmp_path / "data", fold=0)
    result = gztrain("evaluate", run.root, "--split", "val", "--data", data)
    assert result.code == 1
    assert "Record 1 of" in result.sentence
    found = gztrain("evaluate", run.root, "--split", "val", "--data", data, "--skip-damaged", "--json").json
    whole = open_dataset(dataset).manifest["labels"]["folds"]["0"]["galaxies"]
    assert (found["splits"]["val"]["damaged_records"], found["splits"]["val"]["galaxies"]) == (1, whole - 1)
