"""The page of a run: every question is there, nothing comes from elsewhere, and what is untrusted stays text."""

import base64
import io
import json
import shutil
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, roc_auc_score

from gzcore.console.theme import SERIES, follow_theme
from gzcore.errors import GzError, UsageError
from gztrain.data.dataset import open_dataset
from gztrain.evaluation.published import find_published
from gztrain.evaluation.report import write_report
from gztrain.evaluation.report.curves import training_curves
from gztrain.evaluation.report.formatting import between, listed, rate, whole
from gztrain.evaluation.report.gather import gather
from gztrain.evaluation.report.numbers import precision_recall_curve, reliability, roc_curve, wilson, worst_mistakes
from gztrain.evaluation.report.plots import row_shares
from gztrain.runs.folder import RunFolder
from tests.gztrain.run_folders import TINY, told_run
from tests.gztrain.synthetic import scheme_of
from tests.running import gztrain

pytestmark = pytest.mark.usefixtures("file_lean_training")

VOID = {"meta", "img", "br", "link", "input", "hr"}
checked = settings(deadline=None, derandomize=True, max_examples=100)


@dataclass
class Seen(HTMLParser):
    """A page as a reader of its tags sees it; fails where tags do not fit into one another."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def read_page(path: Path) -> Seen:
    seen = Seen()
    seen.feed(path.read_text("utf-8"))
    seen.close()
    assert not seen.open
    return seen


@pytest.fixture(scope="module")
def run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return told_run(tmp_path_factory.mktemp("runs") / "seeing", dataset, splits=("val", "test"), sight=0.5)


@pytest.fixture(scope="module")
def page(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return read_page(write_report([run.root], tmp_path_factory.mktemp("html") / "new"))


def decoded(image: dict[str, str]) -> bytes:
    return base64.b64decode(image["src"].partition("base64,")[2])


# ---------------------------------------------------------------- the page


def test_facts_are_those_of_the_model_and_of_what_was_judged(run: RunFolder, tmp_path: Path) -> None:
    """The small CNN sees 64 px of whatever crop; damaged records are told of."""
    copy = RunFolder(Path(shutil.copytree(run.root, tmp_path / "copy")))
    config, metrics = (json.loads(path.read_text()) for path in (copy.config, copy.metrics))
    config["dataset"]["crop"] = 224
    metrics["splits"]["val"]["damaged_records"] = 3
    copy.config.write_text(json.dumps(config))
    copy.metrics.write_text(json.dumps(metrics))
    facts = dict(gather(copy.root, None, "val").facts)
    assert facts["images"] == "224 px, seen at 64"
    assert facts["galaxies judged"].endswith(", 3 damaged left out")


@pytest.mark.slow
def test_every_question_is_there_with_its_figures(page: Seen) -> None:
    for question in scheme_of("reduced").questions:
        assert f"Q{question.index} {question.title}" in page.words
        (part,) = [tag for tag in page.all("section") if tag["aria-labelledby"] == f"run-0-q{question.index}"]
        assert part["class"] == "question"
    figures = [image for image in page.all("img") if "svg" in image["src"][:20]]
    assert len(figures) == 3 + 3 * 6  # loss, AUC, rate; ROC, precision and recall, reliability


def test_every_image_says_what_it_shows_and_comes_with_the_page(page: Seen) -> None:
    for image in page.all("img"):
        assert len(image["alt"]) > 15
        assert image["src"].startswith(("data:image/svg+xml;base64,", "data:image/jpeg;base64,"))
        assert int(image["width"]) > 0
        assert int(image["height"]) > 0


def test_nothing_comes_from_elsewhere(page: Seen) -> None:
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "base", "form"}
    for _, attributes in page.tags:
        for name, value in attributes.items():
            assert "//" not in value or name == "src"
            assert not name.startswith("on")
    for image in page.all("img"):
        if "svg" in image["src"][:20]:
            drawing = decoded(image).decode()
            assert not [part for part in drawing.split("href=")[1:] if part[1] != "#"]
            assert "url(http" not in drawing
            assert "<!DOCTYPE" not in drawing
    assert any("default-src 'none'" in meta.get("content", "") for meta in page.all("meta"))


def test_tables_have_captions_and_heads(page: Seen) -> None:
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(head["scope"] in ("col", "row", "colgroup") for head in page.all("th"))
    assert all(region["aria-label"] for region in page.all("div") if region.get("role") == "region")


def test_places_are_unique_and_links_lead_to_them(page: Seen) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [link["href"].removeprefix("#") for link in page.all("a")]
    targets += [attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes]
    assert set(targets) <= set(ids)
    assert len(page.all("a")) == 6 + 2


def test_headings_do_not_skip_a_level(page: Seen) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_figures_follow_the_readers_theme(page: Seen) -> None:
    for image in page.all("img"):
        if "svg" in image["src"][:20]:
            sheet, _, rest = decoded(image).decode().partition("</style>")
            assert "prefers-color-scheme:dark" in sheet
            assert "var(--c" in rest
            assert SERIES[0] not in rest


def test_figures_are_saved_in_the_run_folder(page: Seen, run: RunFolder) -> None:
    del page  # which made them
    kinds = ("roc", "precision-recall", "reliability", "confusion")
    questions = (f"q{question.index}" for question in scheme_of("reduced").questions)
    expected = {"loss", "validation-auc", "rate", *(f"{name}-{kind}" for name in questions for kind in kinds)}
    assert {path.stem for path in run.figures.iterdir()} == expected
    for path in run.figures.iterdir():
        with Image.open(path) as image:
            assert np.ptp(np.asarray(image.convert("L"))) > 100  # not a blank sheet


def test_the_figures_of_metrics_json_are_reported(page: Seen, run: RunFolder) -> None:
    judged = json.loads(run.metrics.read_text())["splits"]["test"]
    assert " ".join(judged["verdict"].split()) in page.words
    assert f"{judged['auc_macro']:.3f} {between(judged['intervals']['auc_macro'])}" in page.words
    for found in judged["per_question"].values():
        assert f"{found['known_questions']} galaxies are right, an accuracy of {found['accuracy']:.3f}" in page.words
        for row, answer in zip(found["confusion"], found["classes"], strict=True):
            assert f"{answer} {' '.join(map(str, row))} " in page.words
    for baseline in judged["baselines"].values():
        assert f"{baseline['binary_accuracy']:.3f}" in page.words


def test_the_published_rows_stand_below_ours(page: Seen) -> None:
    below = page.words.partition("ours above, those of the published report below")[2]
    assert below.index("seeing small") < below.index(find_published("reduced")[0].model)
    for row in find_published("reduced"):
        assert f"{row.model} {'constant ' if row.constant else ''}{row.figures['loss']:.3f}" in below


def test_the_galaxies_shown_are_those_of_the_shards(run: RunFolder, dataset: Path, page: Seen) -> None:
    report = gather(run.root)
    assert report.galaxies
    assert not report.absence
    for question, mistakes in report.mistakes.items():
        margins = [mistake.margin for mistake in mistakes]
        assert margins == sorted(margins, reverse=True), question
    thumbnails = [image for image in page.all("img") if "jpeg" in image["src"][:20]]
    assert len(thumbnails) == sum(map(len, report.mistakes.values()))
    galaxy_id, galaxy = next(iter(report.galaxies.items()))
    image = next(image for image in thumbnails if galaxy_id in image["alt"])
    shown = np.asarray(Image.open(io.BytesIO(decoded(image))), np.float64)
    assert np.abs(shown - galaxy.pixels).mean() < 6  # a JPEG of it
    assert galaxy.pixels.shape[0] == open_dataset(dataset).crop


def test_votes_stand_beside_the_galaxies(page: Seen) -> None:
    assert "votes: " in page.words
    assert "probabilities: " in page.words


# ---------------------------------------------------------------- other runs


@pytest.mark.slow
def test_another_split_can_be_told(dataset: Path, tmp_path: Path) -> None:
    run = told_run(tmp_path / "run", dataset, "q1", splits=("val", "test"))
    page = read_page(write_report([run.root], tmp_path, split="val"))
    galaxies = json.loads(run.metrics.read_text())["splits"]["val"]["galaxies"]
    assert f"Split val, {galaxies} galaxies" in page.words


@pytest.mark.slow
def test_runs_stand_side_by_side(dataset: Path, tmp_path: Path) -> None:
    runs = [told_run(tmp_path / name, dataset, "q1", sight=sight) for name, sight in (("seeing", 1.0), ("blind", 0))]
    page = read_page(write_report([run.root for run in runs], tmp_path / "html"))
    assert "2 runs seeing and blind" in page.words
    assert "The runs side by side" in page.words
    assert "blind constant" in page.words
    assert "The output does not depend on the image" in page.words
    assert len([tag for tag in page.all("tr") if tag.get("class") == "ours"]) == 2
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_a_question_without_answers_is_reported(dataset: Path, tmp_path: Path) -> None:
    folder = told_run(tmp_path / "run", dataset, "hubble", unasked=[1])
    page = read_page(write_report([folder.root], tmp_path / "html"))
    assert "No galaxy of this split has a known answer to this question." in page.words
    assert "The published report has no table of scheme hubble." in page.words
    assert not (folder.figures / "q2-roc.png").exists()


HOSTILE = ("<script>alert(1)</script>", "\"><img src=x onerror='alert(1)'>", "&lt;\x1b[31m\u202e{{ 7 * 7 }}")


@pytest.mark.slow
def test_what_is_untrusted_stays_text(dataset: Path, tmp_path: Path) -> None:
    """Ids come from a catalogue, the run's name from the person who made the folder."""
    root = tmp_path / "<b onclick='x'>&amp;"
    told_run(root, dataset, "q1", sight=-1.0, rename=HOSTILE)
    report = gather(root)
    shown = {report.predictions.ids[mistake.row] for mistake in report.mistakes["disk-edge-on-gz2"]}
    assert shown & set(HOSTILE)
    page = read_page(write_report([root], tmp_path / "html"))
    assert not {tag for tag, _ in page.tags} & {"script"}
    assert not [attributes for _, attributes in page.tags if set(attributes) & {"onclick", "onerror"}]
    assert root.name in page.words
    for galaxy_id in shown & set(HOSTILE[:2]):
        assert galaxy_id in page.words
    raw = (tmp_path / "html" / "report.html").read_text("utf-8")
    assert "\x1b" not in raw
    assert "\u202e" not in raw
    assert "<script" not in raw


@pytest.mark.slow
def test_without_its_data_set_a_run_is_told_without_pictures(dataset: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(dataset, tmp_path / "old"))
    folder = told_run(tmp_path / "run", moved, "q1", sight=-1.0)
    moved = moved.rename(tmp_path / "new")
    page = read_page(write_report([folder.root], tmp_path / "html"))
    assert "The galaxies cannot be shown. There is no dataset folder" in page.words
    assert not [image for image in page.all("img") if "jpeg" in image["src"][:20]]
    assert gather(folder.root, moved).galaxies


@pytest.mark.slow
def test_a_run_without_history_is_told_without_curves(dataset: Path, tmp_path: Path) -> None:
    folder = told_run(tmp_path / "run", dataset, "q1")
    folder.history.unlink()
    assert "The run has no history to draw." in read_page(write_report([folder.root], tmp_path / "html")).words


@pytest.mark.slow
def test_a_cross_validation_is_told_as_one(dataset: Path, tmp_path: Path) -> None:
    fold = told_run(tmp_path / "cross" / "fold-0", dataset, "q1", splits=["val"], sight=0.3)
    whole = RunFolder(tmp_path / "cross")
    document = json.loads(fold.metrics.read_text())
    judged = document["splits"]["val"]
    judged["folds"] = {"numbers": [0, 1], "mean": {**judged, "auc": 0.87654}, "sd": {"auc": 0.01234}}
    whole.metrics.write_text(json.dumps(document))
    shutil.copy(fold.predictions_of("val"), whole.predictions_of("val"))
    page = read_page(write_report([whole.root], tmp_path / "html"))
    assert "0.877 \N{PLUS-MINUS SIGN} 0.012" in page.words
    assert "validation fold each in turn" in page.words
    assert gather(whole.root).galaxies
    assert (whole.figures / "q1-roc.png").exists()


@pytest.mark.slow
def test_a_trained_run_is_reported(dataset: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert gztrain("fit", dataset, "--run", run, "--scheme", "q1", "--views", "0", *TINY).code == 0
    assert gztrain("evaluate", run, "--split", "test").code == 0
    result = gztrain("report", run, "--html", run, "--json")
    assert result.code == 0, result.err
    assert result.json == {"page": str(run / "report.html")}
    page = read_page(run / "report.html")
    assert "Split test" in page.words
    assert "the weights of step" in next(image["alt"] for image in page.all("img"))


def test_an_ensemble_is_called_one(dataset: Path, tmp_path: Path) -> None:
    folder = told_run(tmp_path / "run", dataset, "q1")
    folder.ensemble.write_text('{"members": ["a", "b"], "sides": 8}')
    assert gather(folder.root).model == "ensemble of 2 networks (the first: small), 8 sides"


def test_faults_are_sentences(run: RunFolder, dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="A report needs a run"):
        write_report([], tmp_path)
    with pytest.raises(GzError, match="There is no run in"):
        write_report([tmp_path], tmp_path)
    with pytest.raises(UsageError, match="There is no split 'train'"):
        write_report([run.root], tmp_path, split="train")
    folder = told_run(tmp_path / "run", dataset, "q1")
    with pytest.raises(GzError, match=r"was not judged on val; gztrain evaluate .* --split val does that"):
        write_report([folder.root], tmp_path, split="val")
    folder.metrics.write_text("{")
    with pytest.raises(GzError, match=r"metrics\.json is damaged"):
        write_report([folder.root], tmp_path)
    folder.metrics.unlink()
    with pytest.raises(GzError, match="has not ended"):
        write_report([folder.root], tmp_path)
    assert not list(tmp_path.glob("*.html"))


def test_a_page_that_cannot_be_written_is_reported(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GzError, match="Cannot write into"):
        write_report([run.root], tmp_path / "file" / "html")


# ---------------------------------------------------------------- numbers


@pytest.mark.slow
@checked
@given(st.integers(2, 3000), st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
def test_drawn_curves_keep_their_area(galaxies: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = (rng.random(galaxies) < share).astype(np.int64)
    scores = (rng.random(galaxies) + labels * 0.3).clip(0, 1).astype(np.float32).round(3)
    curve, other = roc_curve(labels, scores), precision_recall_curve(labels, scores)
    if not 0 < labels.sum() < galaxies:
        assert curve is None
        assert other is None
        return
    assert curve is not None
    assert other is not None
    assert curve.area == pytest.approx(roc_auc_score(labels, scores))
    assert other.area == pytest.approx(average_precision_score(labels, scores))
    assert len(curve.x) <= 203
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    assert (other.x[0], other.x[-1]) == (0, 1)
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(curve.area, abs=0.02)  # what is drawn is what is said


@checked
@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1, width=32)), min_size=1))
def test_reliability_counts_every_label(pairs: list[tuple[int, float]]) -> None:
    labels, scores = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs], np.float32)
    bins = reliability(labels, scores)
    assert bins.counts.sum() == len(pairs)
    seen = bins.counts > 0
    assert np.nansum(bins.share * bins.counts) == pytest.approx(labels.sum())
    assert (np.diff(bins.given[seen]) > 0).all()
    assert (bins.low[seen] <= bins.share[seen] + 1e-9).all()
    assert (bins.share[seen] <= bins.high[seen] + 1e-9).all()
    assert 0 <= bins.error <= 1


def test_reliability_by_hand() -> None:
    bins = reliability(np.array([0, 1, 1, 1]), np.array([0.05, 0.05, 0.95, 1.0], np.float32))
    assert bins.counts.tolist() == [2, *[0] * 8, 2]
    assert bins.share[[0, 9]].tolist() == [0.5, 1.0]
    assert bins.error == pytest.approx((0.45 * 2 + 0.025 * 2) / 4)


@pytest.mark.parametrize(("hits", "tries"), [(0, 1), (1, 1), (8, 10), (50, 100), (3, 1000)])
def test_wilsons_interval_is_scipys(hits: int, tries: int) -> None:
    low, high = wilson(np.array([hits / tries]), np.array([tries]))
    expected = binomtest(hits, tries).proportion_ci(method="wilson")
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-6)


def mistakes(index: int, rows: list[tuple[list[float], list[int], int]], number: int = 6) -> list[Any]:
    question = scheme_of(f"q{index}").questions[0]
    probabilities, labels, known = (np.array([row[part] for row in rows]) for part in range(3))
    mask = np.repeat(known[:, None], labels.shape[1], axis=1)
    found = worst_mistakes(question, probabilities.astype(np.float32), labels, mask, number)
    return [(mistake.row, mistake.said, mistake.truth, round(mistake.margin, 5)) for mistake in found]


def test_the_surest_mistakes_come_first() -> None:
    rows = [([0.6], [0], 1), ([0.9], [1], 1), ([0.1], [1], 1), ([0.99], [0], 0), ([0.5], [1], 1)]
    assert mistakes(1, rows) == [(2, "no", "yes", 0.8), (0, "yes", "no", 0.2), (4, "no", "yes", 0.0)]
    assert mistakes(1, rows, 1) == [(2, "no", "yes", 0.8)]


def test_mistakes_of_several_labels() -> None:
    rows = [([0.2, 0.7, 0.1], [0, 1, 0], 1), ([0.2, 0.7, 0.1], [0, 0, 1], 1), ([0.6, 0.5, 0.1], [0, 1, 0], 1)]
    assert mistakes(6, rows) == [(1, "in-between", "cigar", 0.6), (2, "round", "in-between", 0.1)]


def line(stage: str, step: int, val_loss: float | None = None, val_auc: float | None = None) -> dict[str, Any]:
    return {"stage": stage, "step": step, "loss": 1.0, "rate": 0.1, "val_loss": val_loss, "val_auc": val_auc}


COURSE = [line("head", 10), line("head", 20, 0.5, 0.6), line("fine-tune", 30), line("fine-tune", 40, 0.4, 0.55)]


@pytest.mark.parametrize(("monitor", "kept"), [("loss", 40.0), ("auc", 20.0), ("last", 40.0)])
def test_the_course_knows_whose_weights_were_kept(monitor: Any, kept: float) -> None:
    curves = training_curves(COURSE, monitor)
    assert curves.kept == kept
    assert curves.stages == ((20.0, "fine-tune"),)
    assert curves.checked.tolist() == [20, 40]
    assert curves.steps.tolist() == [10, 20, 30, 40]


def test_a_course_without_validation_kept_nothing() -> None:
    assert training_curves(COURSE[:1], "loss").kept is None


def test_where_auc_is_undefined_loss_decides() -> None:
    rows = [line("whole", 10, 0.5), line("whole", 20, 0.4)]
    assert training_curves(rows, "auc").kept == 20


def test_shares_of_rows() -> None:
    assert row_shares(np.array([[3, 1], [0, 0]])).tolist() == [[0.75, 0.25], [0, 0]]


def test_words() -> None:
    assert (rate(None), rate(float("nan")), rate(0.12345)) == ("\N{EN DASH}", "\N{EN DASH}", "0.123")
    assert (whole(None), whole(1234567)) == ("\N{EN DASH}", "1,234,567")
    assert (between(None), between((0.1, 0.25))) == ("", "0.100 to 0.250")
    assert [listed(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_a_theme_replaces_every_colour() -> None:
    svg = f'<?xml version="1.0"?><!DOCTYPE svg><svg width="1"><path style="stroke: {SERIES[1]}"/></svg>'
    themed = follow_theme(svg)
    assert themed.startswith('<svg width="1"><style>')
    assert themed.endswith('<path style="stroke: var(--c4)"/></svg>')
