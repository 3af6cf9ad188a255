"""Tables from the code: the decision tree, the schemes, the models, and the features of a record."""

from gzprep.catalogue.surveys import gz2
from gztrain.models.registry import COUNTED_OUTPUTS, COUNTED_SIZE, MODELS


def table_pages() -> dict[str, str]:
    """Pages by file name."""
    return {"questions.md": _questions(), "models.md": _models()}


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _code(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _questions() -> str:
    questions = [
        (
            f"Q{question.index}",
            question.title,
            f"`{question.name}`",
            _code(question.used),
            f"`{question.twin}`" if question.twin else "",
            f"`{question.dropped}`" if question.dropped else "",
            f"`{question.parent[0]}` is `{question.parent[1]}`" if question.parent else "always",
        )
        for question in gz2().tree
    ]
    schemes = [
        (f"`{name}`", ", ".join(f"Q{index}" for index in indices), str(len(gz2().scheme_labels(name))))
        for name, indices in gz2().questions_of_schemes.items()
    ]
    head = ("question", "in words", "column", "answers that are labels", "twin", "dropped answer", "asked if")
    return f"""# Questions and schemes

The decision tree of Galaxy Zoo 2, as gzprep knows it. The [glossary](../glossary.md) explains label, twin and dropped
answer.

{_table(head, questions)}

## Schemes

A scheme is the questions that a model is trained on. `gzprep schemes` prints this table.

{_table(("scheme", "questions", "labels"), schemes)}
"""


def _models() -> str:
    rows = [
        (
            f"`{entry.name}`",
            entry.family,
            f"{entry.parameters / 1e6:.1f} million",
            f"{entry.min_size} px",
            f"{entry.size} px" if entry.size else "the crop",
            "yes" if entry.has_imagenet else "",
            "two" if entry.two_stage else "one",
        )
        for entry in MODELS.values()
    ]
    head = ("model", "family", "parameters", "smallest input", "default input", "ImageNet weights", "stages")
    return f"""# Models

The models of `gztrain fit --model NAME`. Parameters are those of the whole model for inputs of {COUNTED_SIZE} px and
{COUNTED_OUTPUTS} labels. A model of two stages first trains its last layers alone, then all layers.

{_table(head, rows)}
"""
