"""Pages: one HTML template with the style of all pages, self-contained and escaped."""

from importlib.resources import files
from typing import Any


def render(package: str, template: str, **values: Any) -> str:  # noqa: ANN401 -- whatever the template shows
    """Fill an HTML template that extends ``page.html``, the frame of all pages with their style. All text is escaped.

    Args:
        package: the package that has the template, such as ``gztrain.evaluation.report``.
        template: its file name.
        values: what the template shows.
    """
    from jinja2 import DictLoader, Environment, StrictUndefined

    frame, style = (files(__package__).joinpath(name).read_text("utf-8") for name in ("page.html", "page.css"))
    environment = Environment(
        loader=DictLoader({"page.html": frame}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = files(package).joinpath(template).read_text("utf-8")
    return environment.from_string(text).render(style=style, **values)
