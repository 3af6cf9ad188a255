"""Tables, lines and progress on the terminal. Only the output is formatted here."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress, TextColumn

from gzcore.console import show_line, show_table
from gztrain.cli.show_groups import show_groups, show_members, show_prevalence

if TYPE_CHECKING:
    from gztrain.predict.images import Scale


def number(value: float | None, digits: int = 3) -> str:
    """A figure of a table; a dash where it is undefined."""
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.{digits}f}"


_SHOWN = (
    ("accuracy", "accuracy"),
    ("binary_accuracy", "binary accuracy"),
    ("auc", "AUC, labels pooled"),
    ("auc_macro", "AUC, mean over labels"),
    ("average_precision_macro", "average precision, mean"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("f1", "F1"),
    ("loss", "cross-entropy"),
    ("mean_absolute_error", "mean absolute error"),
    ("root_mean_squared_error", "root mean squared error"),
)
_COUNTS = ("true_positives", "true_negatives", "false_positives", "false_negatives")
Json = Mapping[str, Any]


def show_metrics(document: Json, run: str | None) -> None:
    """Print what metrics.json says, split by split, beside the two baselines that ignore the image."""
    if left_out := document.get("training", {}).get("damaged_records"):
        show_line(f"Training left out {left_out} damaged records in an epoch.")
    for split, found in document["splits"].items():
        baselines = found["baselines"]
        rows = [
            (title, number(found[key]), _between(found["intervals"].get(key)), *_baseline_cells(baselines, key))
            for key, title in _SHOWN
        ]
        header = ("", "model", "95 % interval", "commonest answer", "frequencies")
        show_table(f"{_title(split, found)}, scheme {document['scheme']}", rows, header)
        show_line("The commonest answer says 1 or 0, so that each wrong label costs 16 in cross-entropy.")
        show_line("")
        show_questions(found)
        show_table("Labels", list(_label_rows(found)), ("", "known", "share of 1", "AUC", "95 % interval"))
        show_line("")
        show_members(found)
        show_groups(found)
        show_prevalence(found)
        show_line(f"Counts: {', '.join(f'{found[key]} {_words(key)}' for key in _COUNTS)}.")
        if found.get("damaged_records"):
            show_line(f"{found['damaged_records']} damaged records were left out.")
        show_verdict(found)
    show_line(f"Everything is in {run}" if run else "Nothing was kept; --run names a folder to keep it in.")


def show_verdict(found: Json) -> None:
    """Print the verdict: sentences, then a line for each kind of finding."""
    for line in found["verdict"].splitlines():
        show_line(line)


def show_questions(found: Json) -> None:
    """Print each question beside the commonest answer and a second panel of volunteers; not for figures of old runs."""
    of_majority = found["baselines"]["majority"]["per_question"]
    rows = [
        (
            name,
            str(figures["known_questions"]),
            number(figures["accuracy"]),
            number(of_majority[name]["accuracy"]),
            number(figures["ceiling"]),
            number(figures["ece"]),
            number(figures["ece_limit"]),
        )
        for name, figures in found["per_question"].items()
        if "ceiling" in figures
    ]
    if not rows:
        return
    header = ("", "known", "accuracy", "commonest", "2nd panel", "ECE", "if perfect")
    show_table("Questions", rows, header)
    for line in _about_votes(found):
        show_line(line)
    show_line("")


def _about_votes(found: Json) -> Iterator[str]:
    """Where the votes behind the second panel come from."""
    parts = [part["volunteers"] for part in found["per_question"].values() if part.get("volunteers")]
    estimated = sum(part["estimated"] for part in parts)
    if not parts or not any(part["ceiling_galaxies"] for part in found["per_question"].values()):
        yield "No number of votes is known, so what a second panel would score is not known."
    elif estimated:
        yield (
            f"{estimated} answers have no number of votes of their own; that of the first question, times the share of "
            "volunteers that came to the question, stands in for it."
        )


def _title(name: str, figures: Json) -> str:
    data = figures.get("data_set")
    if data is None or data["same"]:
        return f"{figures['galaxies']} {'validation' if name == 'val' else name} galaxies"
    own_name = f"of {data['name']}, which is not the data set that the run was trained on (figures: {name})"
    return f"{figures['galaxies']} {data['split']} galaxies {own_name}"


def _words(key: str) -> str:
    return key.replace("_", " ")


def _baseline_cells(baselines: Json, key: str) -> tuple[str, str]:
    return number(baselines["majority"][key]), number(baselines["image_free"][key])


def _between(bounds: Sequence[float] | None) -> str:
    return f"{bounds[0]:.3f} to {bounds[1]:.3f}" if bounds else "-"


def _label_rows(found: Json) -> Iterator[tuple[str, ...]]:
    for name, label in found["per_label"].items():
        known, sure = label["known_labels"], found["intervals"].get("per_label", {}).get(name, {})
        share = label["positives"] / known if known else None
        yield name, str(known), number(share), number(label["auc"]), _between(sure.get("auc"))


def show_folds(document: Json, run: str) -> None:
    """Print the result of a cross-validation: mean and standard deviation over folds, and all galaxies together."""
    found = document["splits"]["val"]
    folds = found["folds"]
    rows = [
        (
            title,
            number(folds["mean"][key]),
            number(folds["sd"][key]),
            number(found[key]),
            *_baseline_cells(found["baselines"], key),
        )
        for key, title in _SHOWN
    ]
    header = ("", "mean", "sd", "all together", "commonest answer", "frequencies")
    show_table(
        f"{len(folds['numbers'])} folds, {found['galaxies']} galaxies, scheme {document['scheme']}", rows, header
    )
    show_line("")
    show_verdict(found)
    show_line(f"Everything is in {run}")


def show_two_by_two(document: Json, run: str) -> None:
    """Print the four runs of report-against-asked, and what they say."""
    from gztrain.training.two_by_two import conclusions, table_rows

    header = ("labels, validation on", "validation", "test", "validation less test", "test, labels asked")
    for figure, title in (("accuracy", "Accuracy"), ("auc_macro", "Mean AUC of a label")):
        show_table(f"{title}, with 95 % intervals", list(table_rows(dict(document), figure)), header)
        show_line("")
    for sentence in conclusions(dict(document)):
        show_line(sentence)
    show_line(f"The four runs are in {run}")


def show_models(rows: Iterable[Any]) -> None:
    """Print the models that can be trained."""
    cells = [
        (
            row.name,
            f"{row.parameters:,}",
            "-" if row.backbone_parameters is None else f"{row.backbone_parameters:,}",
            "the crop" if row.size is None else f"{row.size} px",
            f"{row.min_size} px",
            "yes" if row.imagenet else "-",
        )
        for row in rows
    ]
    show_table("Models", cells, ("", "parameters", "of the backbone", "input", "smallest", "ImageNet weights"))


@contextmanager
def image_progress(*, quiet: bool) -> Iterator[Callable[[int], Any]]:
    """Count images on a terminal; yields a function to call with how many more are done."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("Classifying"), TextColumn("{task.completed:.0f} images, {task.speed!s:.6} images/s"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None)
        yield lambda count: progress.update(task, advance=count)


def show_predicted(counts: Json, file: str, scale: "Scale") -> None:
    """Print how many images were classified, how many were not, and which had another size."""
    show_line(f"{counts['predicted']} of {counts['images']} images were classified; the rows are in {file}.")
    from gztrain.predict.images import notes, reasons_in

    for note in notes(dict(counts), scale, reasons_in(file) if counts["unusable"] else None):
        show_line(note)


def show_catalogue(counts: Json, file: str, images: object, scale: "Scale") -> None:
    """Print how many galaxies of a catalogue were classified, and what the intervals are worth."""
    show_line(f"{counts['predicted']} of {counts['galaxies']} galaxies were classified; the rows are in {file}.")
    from gztrain.predict.catalogue.make import notes

    for note in notes(dict(counts), str(images), scale):
        show_line(note)


def show_parts(summary: Json, folder: str, scale: "Scale") -> None:
    """Print what a Beam pipeline of predictions came to, or where a job on Dataflow can be watched."""
    if "parts" not in summary:
        address = summary.get("console") or summary["template"]
        show_line(f"Dataflow: {address}; predictions.json is there when it is done.")
        return
    made = f"{summary['parts_made']} of {len(summary['parts'])} parts were made now"
    show_line(f"{summary['predicted']} of {summary['objects']} objects were classified ({made}); see {folder}.")
    for reason, count in summary["rejected"].items():
        show_line(f"{count} could not be: {reason}")
    from gztrain.predict.images import notes

    for note in notes({**summary, "images": summary["objects"], "unusable": 0, "not_read": ()}, scale):
        show_line(note)


def show_trials(document: Json, study: object) -> None:
    """Print what a search has tried, the best trial first."""
    goal, better = document["goal"], -1 if document["goal"] == "auc" else 1
    keys = list(document["trials"][0]["values"])
    known = sorted((t for t in document["trials"] if t[goal] is not None), key=lambda trial: better * trial[goal])
    failed = [trial for trial in document["trials"] if trial[goal] is None]
    rows = [
        (trial["run"], number(trial[goal]), *(_tried(trial["values"][key]) for key in keys))
        for trial in (*known, *failed)
    ]
    title = {"auc": "mean AUC", "loss": "cross-entropy"}[goal]
    show_table(f"{len(rows)} trials", rows, ("", title, *keys))
    show_line("")
    best = document["best"]
    show_line(
        f"{best['run']} is the best, with a {title} of {number(best[goal])}. It was chosen by the galaxies that this "
        f"figure is of, so expect less of others: gztrain evaluate {study}/{best['run']} judges it on the test split."
    )
    show_line(f"Everything is in {study}")


def _tried(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_STAGES = {
    "read": "records read and checked, one thread",
    "parse": "records parsed, one thread",
    "decode": "images decoded, one thread",
    "batches": "all of that, with the reader's threads",
    "to_device": "sent to the device",
    "step": "training steps on one batch",
    "whole": "training steps on shards",
}


def show_bench(found: Mapping[str, Any]) -> None:
    """Print what a benchmark found."""
    rates = found["samples_per_second"]
    rows = [(text, f"{rates[name]:,.0f}") for name, text in _STAGES.items()]
    show_table(
        f"{found['model']} on {', '.join(found['devices'])}, batches of {found['batch']}", rows, ("", "samples/s")
    )
    show_line("")
    show_line(found["advice"])
