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


def show_inspections(found: Iterable[Any]) -> None:
    """Print a line an image as it is looked at, and a count of each verdict."""
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.verdict] += 1
        scores = "  ".join(f"{name} {score:.3f}" for name, score in one.scores.items())
        why = f"  ({one.detail})" if one.detail else ""
        defects = ", ".join(one.defects)
        sys.stdout.write(printable(f"{one.verdict:<9} {one.path}  {defects}{why}  {scores}".rstrip()) + "\n")
    sys.stdout.write(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())) + "\n")
