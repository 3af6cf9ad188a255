"""Figures of groups of galaxies, and of a population with other shares of the answers, on the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gzcore.console import show_line, show_table

Json = Mapping[str, Any]


def show_groups(found: Json) -> None:
    """Print a table for each column that galaxies were grouped by; nothing without ``--by``."""
    header = ("", "galaxies", "accuracy", "95 % interval", "AUC", "95 % interval")
    for column, part in found.get("by", {}).items():
        show_table(f"By {column}; a galaxy counts where it has an answer", list(_rows(part)), header)
        if part["without"]:
            show_line(f"{part['without']} galaxies have no value of {column} and are in no group.")
        show_line("")


def _rows(part: Json) -> Iterator[tuple[str, ...]]:
    groups = part["groups"]
    for group in groups:
        yield _row(group["name"], group["galaxies"], group)
    questions = list(groups[0]["per_question"]) if groups else []
    for question in questions if len(questions) > 1 else ():
        yield (question, *[""] * 5)
        for group in groups:
            figures = group["per_question"][question]
            yield _row(f"  {group['name']}", figures["known_questions"], figures)


def _row(name: str, galaxies: int, figures: Json) -> tuple[str, ...]:
    bounds = figures["intervals"]
    cells = [(_rate(figures[key]), _between(bounds[key])) for key in ("accuracy", "auc_macro")]
    return (name, f"{galaxies:,}", *cells[0], *cells[1])


def show_prevalence(found: Json) -> None:
    """Print accuracy and calibration for a population beside those of the sample; nothing without ``--prevalence``."""
    part = found.get("prevalence")
    if part is None:
        return
    rows = []
    for name, figures in part["per_question"].items():
        plain, effective = found["per_question"][name], figures["effective_galaxies"]
        rows.append(
            (
                name,
                "-" if effective is None else f"{effective:.0f} of {figures['galaxies']}",
                _rate(plain["accuracy"]),
                _rate(figures["accuracy"]),
                _between(figures["intervals"]["accuracy"]),
                _rate(plain["ece"]),
                _rate(figures["ece"]),
            )
        )
    header = ("", "count as", "accuracy", "there", "95 % interval", "ECE", "there")
    show_table(f"In a population with the shares of {part['file']} (there)", rows, header)
    from gztrain.evaluation.prevalence import about_prevalence

    for line in about_prevalence(part):
        show_line(line)
    show_line("")


def show_members(found: Json) -> None:
    """Print what each member of an ensemble has by itself, and what the ensemble has more; nothing for other runs."""
    rows = [
        (part["run"], *(cell for key in ("accuracy", "auc_macro") for cell in (_rate(part[key]), _gain(part, key))))
        for part in found.get("members", ())
    ]
    if rows:
        show_table("Members, and what the ensemble has more", rows, ("", "accuracy", "gain", "AUC", "gain"))
        better = [part["run"] for part in found["members"] if (part["auc_macro_gain"] or 0) < 0]
        if better:
            show_line(f"With a larger AUC by itself than in the ensemble: {', '.join(better)}.")
        if any(part["accuracy"] is None for part in found["members"]):
            show_line("A member without figures was not judged on this split; gztrain evaluate judges it.")
        show_line("")


def _gain(part: Json, key: str) -> str:
    value = part[f"{key}_gain"]
    return "-" if value is None else f"{value:+.3f}"


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _between(bounds: Sequence[float] | None) -> str:
    return f"{bounds[0]:.3f}\N{EN DASH}{bounds[1]:.3f}" if bounds else "-"
