"""What a person sees: progress, summaries, errors. Nothing here decides anything."""

import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from gzcore.console import human_bytes, human_time, printable, show_line, show_table

Json = Mapping[str, Any]


def show_summary(manifest: Json, out: str, seconds: float, example: str | None) -> None:
    """Print what a run made: galaxies, shards, label prevalence, leaks, where things are, and a galaxy to look at."""
    from gzprep.dataset.leaks import leak_sentences

    show_table("Galaxies", _count_rows(manifest["counts"]), ("", "train", "test", "all"))
    show_line("")
    show_table("Shards", _shard_rows(manifest["splits"]), ("", "files", "records", "size"))
    show_line("")
    show_table("Labels of answered questions", prevalence(manifest["labels"]), ("", "galaxies asked", "share of 1"))
    show_line("")
    for line in leak_sentences(manifest["leaks"]) if "leaks" in manifest else ():  # workers may be of an older version
        show_line(line)
    show_line(
        f"Done in {human_time(seconds)}. Shards, manifest.json, catalogue.parquet and rejects.parquet are in {out}"
    )
    if example is not None:
        call = shlex.join(("gzprep", "preview", out, "--id", example, "--png", "galaxy.png"))  # an id may be anything
        show_line(f"Look at a galaxy with: {call}")


def _count_rows(counts: Json) -> list[tuple[str, ...]]:
    parts = [counts[name] for name in ("train", "test", "all")]
    rows = [("in", *(str(part["in"]) for part in parts)), ("out", *(str(part["out"]) for part in parts))]
    for kind in ("rejected", "flagged", "inpainted", "inconsistent"):
        names = counts["all"].get(kind, {})
        rows += [(f"{kind}: {name}", *(str(part.get(kind, {}).get(name, 0)) for part in parts)) for name in names]
    return rows


def _shard_rows(splits: Json) -> list[tuple[str, ...]]:
    return [
        (name, str(len(split["shards"])), str(split["records"]), human_bytes(split["bytes"]))
        for name, split in splits.items()
        if split["shards"]
    ]


def prevalence(labels: Json) -> list[tuple[str, str, str]]:
    """Label, galaxies that answered its question, and share of them with label 1, over train and test."""
    parts = [*labels["folds"].values(), labels["test"]]
    rows = []
    for place, name in enumerate(labels["names"]):
        answered = sum(part["answered"][place] for part in parts)
        ones = sum(part["asked"][place] for part in parts)
        rows.append((name, str(answered), f"{ones / answered:.3f}" if answered else "-"))
    return rows


def show_operations(views: Any) -> None:  # noqa: ANN401 -- the part of a recipe about views
    """Print the built-in operations and the ranges that a recipe draws from."""
    rows = [
        ("translate", f"{views.translate[0]:g} to {views.translate[1]:g} px in x and in y, whole pixels"),
        ("rotate", f"{views.rotate[0]:g} to {views.rotate[1]:g} degrees"),
        ("zoom", f"{views.zoom[0]:g} to {views.zoom[1]:g}, {views.zoom_draw}"),
        ("flip", "horizontal or vertical"),
        ("blur", f"Gaussian, kernel {', '.join(map(str, views.blur))} px"),
        (
            "noise or denoise",
            f"sigma {views.noise_sigma[0]:g} to {views.noise_sigma[1]:g} grey levels, or {views.denoise}",
        ),
        ("none", "nothing"),
    ]
    show_line(f"{views.ops} of these are drawn for each of {views.count} views:")
    for name, told in rows:
        show_line(f"  {name:<18}{told}")
    show_line("As a pipeline of albumentations, to change and use: gzprep views --yaml")


FEW_IMAGES = 12
"""So many images get a line each without ``--all``."""


def show_inspections(inspections: Iterable[Any], *, every: bool = False) -> None:
    """Print what was found as a table; and a line an image, if there are few or ``every`` one is wanted."""
    examples: dict[tuple[str, str], Any] = {}
    counts: Counter[tuple[str, str]] = Counter()
    first: list[str] = []
    for number, inspection in enumerate(inspections):
        if every:
            sys.stdout.write(_line(inspection))
        elif number <= FEW_IMAGES:
            first.append(_line(inspection))
        kind = (inspection.verdict, ", ".join(inspection.defects))
        counts[kind] += 1
        examples.setdefault(kind, inspection)
    if len(first) <= FEW_IMAGES:
        sys.stdout.writelines(first)
    else:
        _show_kinds(counts, examples)
    verdicts: Counter[str] = Counter()
    for (verdict, _), count in counts.items():
        verdicts[verdict] += count
    sys.stdout.write(", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())) + "\n")


def _line(inspection: Any) -> str:  # noqa: ANN401 -- an Inspection
    scores = "  ".join(f"{name} {score:.3f}" for name, score in inspection.scores.items())
    why = f"  ({inspection.detail})" if inspection.detail else ""
    defects = ", ".join(inspection.defects)
    return printable(f"{inspection.verdict:<9} {inspection.path}  {defects}{why}  {scores}".rstrip()) + "\n"


def _show_kinds(counts: Counter[tuple[str, str]], examples: Mapping[tuple[str, str], Any]) -> None:
    """A row for each combination of findings, the commonest first, with an example below it."""
    for (verdict, defects), count in counts.most_common():
        example = examples[verdict, defects]
        why = f" ({example.detail})" if example.detail else ""
        sys.stdout.write(printable(f"{count:>7,}  {verdict:<9} {defects}".rstrip()) + "\n")
        if verdict != "ok":
            sys.stdout.write(printable(f"         such as {example.path}{why}") + "\n")
    sys.stdout.write("A line for every image: --all or --json.\n")
