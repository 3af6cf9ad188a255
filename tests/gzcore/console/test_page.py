"""Pages: all share one frame, with its style and its rule of what a browser may load."""

from pathlib import Path

import pytest

from tests.running import ROOT

FRAME = ROOT / "gzcore" / "console" / "page.html"
PAGES = sorted(
    path for package in ("gzcore", "gzprep", "gztrain") for path in (ROOT / package).rglob("*.html") if path != FRAME
)


def test_there_are_pages() -> None:
    assert len(PAGES) >= 6


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_page_has_the_frame_of_all(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith('{% extends "page.html" %}\n')
    assert "{% block body %}" in text
