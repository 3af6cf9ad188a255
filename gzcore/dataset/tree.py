"""A question of a decision tree: what it is called, and the columns and labels that belong to it.

The questions come from a catalogue; a dataset folder lists them in its manifest.
"""

from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Question:
    """One question of the tree.

    Attributes:
        index: place in the tree, from 0.
        name: the column prefix, such as ``"disk-edge-on-gz2"``.
        title: the question as a person would ask it.
        used: answers that become labels, in order.
        twin: the redundant answer of a question with one label (label 0 says the same), or None.
        dropped: an answer that is neither label nor twin; where it wins, the question is masked; or None.
        parent: the one (question name, answer) that leads here; None where there is none, or several, and where the
            question is derived.
        parents: every (question name, answer) that leads here: a volunteer who gives one of them is asked. Empty where
            the question is always asked. A derived question has those of the questions that it is made of. They are no
            part of comparisons: older versions knew ``parent`` alone, and their questions are the same.

        sources: names of the questions whose votes a derived question has; empty for others, and in folders of older
            versions. They are no part of comparisons either.

    Raises:
        ValueError: ``parent`` is not the only one of ``parents``.
    """

    index: int
    name: str
    title: str
    used: tuple[str, ...]
    twin: str | None = None
    dropped: str | None = None
    parent: tuple[str, str] | None = None
    parents: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    sources: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.parent is not None and not self.parents:
            object.__setattr__(self, "parents", (self.parent,))
        if self.parent is not None and self.parents != (self.parent,):
            raise ValueError(f"the question {self.name[:80]!r} has a parent that is not the only one of its parents")

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """Every answer, in column order: used, twin, dropped."""
        others = (answer for answer in (self.twin, self.dropped) if answer is not None)
        return (*self.used, *others)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the vote columns, one an answer."""
        return tuple(f"{self.name}_{answer}" for answer in self.answers)

    @cached_property
    def fraction_columns(self) -> tuple[str, ...]:
        """Names of the vote-fraction columns, one an answer."""
        return tuple(f"{column}_fraction" for column in self.columns)

    @cached_property
    def total_column(self) -> str:
        """Name of the column with the total votes."""
        return f"{self.name}_total-votes"

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels this question gives, one a used answer."""
        return tuple(f"{self.name}_{answer}" for answer in self.used)
