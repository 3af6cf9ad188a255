"""Write every generated page; a page that has not changed is left alone, so that Sphinx does not read it again."""

from pathlib import Path

from generators.commands import command_pages
from generators.recipes import recipe_pages
from generators.tables import table_pages


def write_pages(docs: Path) -> None:
    """Write all pages below ``docs/generated``, and remove those that are no longer made."""
    folder = docs / "generated"
    folder.mkdir(exist_ok=True)
    pages = {**command_pages(), **recipe_pages(), **table_pages()}
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.iterdir():
        if path.name not in pages:
            path.unlink()
