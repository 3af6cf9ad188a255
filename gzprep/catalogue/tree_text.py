"""A decision tree as lines of text, for a terminal."""

import textwrap
from collections.abc import Iterator, Sequence

from gzprep.catalogue.tree_nodes import DROPPED, TWIN, Branch, Node

_MARKS = {TWIN: " (label 0)", DROPPED: " (not used)"}
KEY = "(label 0): the one label of its question is 0 there. (not used): its question is masked there."


def tree_lines(nodes: Sequence[Node], width: int = 80) -> list[str]:
    """The tree, a line a question and a line an answer; answers that lead nowhere stand side by side.

    Args:
        nodes: questions that follow no single answer.
        width: longest line, characters; names longer than it are not cut.
    """
    return [line for node in nodes for line in (*_question(node, width), "")]


def _question(node: Node, width: int) -> Iterator[str]:
    yield from textwrap.wrap(f"{node.name}: {node.title}", width, subsequent_indent="  ", break_long_words=False)
    if node.note:
        yield from _wrapped(f"({node.note})", width)
    if not node.leads_on:
        yield from _wrapped(", ".join(map(_shown, node.branches)), width)
        return
    for branch in node.branches:
        last = branch is node.branches[-1]
        yield f"{'└' if last else '├'}─ {_shown(branch)}"
        yield from (
            f"{' ' if last else '│'}  {line}" for child in branch.children for line in _question(child, width - 3)
        )


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    )


def _shown(branch: Branch) -> str:
    return f"{branch.answer}{_MARKS.get(branch.kind, '')}"
