"""What is in a data set, as one page: catalogue, labels, correlations, images, and the folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gzcore.console import printable
from gzcore.console.call import callable_module
from gzcore.console.stages import OnStage, silent
from gzcore.errors import GzError
from gzcore.storage.atomic import write_output, writing
from gzcore.storage.places import Place
from gzprep.report.python import report

if TYPE_CHECKING:
    from gzprep.report.figure import Section
    from gzprep.report.study import Study

PAGE, DATA = "index.html", "data"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        page: the page.
        figures: ids of its figures; each has a CSV file in ``data/``.
        images: whether the source images were found.
    """

    page: Path
    figures: tuple[str, ...]
    images: bool


def write_report(root: Place, folder: Path, data: Place | None = None, on_stage: OnStage = silent) -> Written:
    """Write ``index.html`` and a CSV file for each of its figures.

    Args:
        root: the dataset folder.
        folder: folder of the page; it is made if needed.
        data: where the data folder with the source images is now; None: where it was.
        on_stage: is told what is being done, and how much of it is done.

    Raises:
        GzError: the data set is not whole, a file cannot be written, or matplotlib is absent.
    """
    try:
        import matplotlib  # noqa: F401, ICN001 -- only to see whether it is there
    except ImportError:
        raise GzError("gzprep report draws with matplotlib; install it with: pip install 'gzprep[report]'.") from None
    from gzprep.report.study import study

    known = study(root, data, on_stage)
    with writing(folder):  # before the work of drawing
        (folder / DATA).mkdir(parents=True, exist_ok=True)
    sections = _sections(known, on_stage)
    figures = [figure for section in sections for figure in section.figures]
    for figure in figures:
        write_output(folder / DATA / f"{figure.id}.csv", figure.numbers.csv().encode())
    write_output(folder / PAGE, _page(known, sections).encode())
    return Written(folder / PAGE, tuple(figure.id for figure in figures), known.images is not None)


def _sections(known: "Study", on_stage: OnStage) -> "list[Section]":
    from gzcore.console.theme import style
    from gzprep.report.about_catalogue import catalogue_section
    from gzprep.report.about_correlations import correlations_section
    from gzprep.report.about_folder import folder_section
    from gzprep.report.about_images import images_section
    from gzprep.report.about_labels import labels_section
    from gzprep.report.about_measures import measures_section
    from gzprep.report.about_one_galaxy import one_galaxy_section

    builders = (
        catalogue_section,
        labels_section,
        correlations_section,
        images_section,
        one_galaxy_section,
        folder_section,
        measures_section,
    )
    built = []
    with style():
        for done, build in enumerate(builders):
            on_stage("Drawing", done, len(builders))
            built.append(build(known))
    return [section for section in built if section is not None]


def _page(known: "Study", sections: "list[Section]") -> str:
    from gzcore.console.page import render

    document = known.document
    lead = _lead(known)
    title = printable(str(document["name"]))
    return render("gzprep.report", "template.html", title=title, lead=lead, facts=_facts(document), sections=sections)


def _lead(known: "Study") -> str:
    if known.document["source"].get("kind", "") == "simulated":
        return "A simulated sky: no volunteer has seen these galaxies."
    if not known.answered:
        return "Galaxies without labels: nothing is shown of votes, of labels, and of how they go together."
    return "Galaxies with labels of your own." if known.own_labels else "Galaxies and volunteers' votes."


def _facts(document: dict[str, Any]) -> list[tuple[str, str]]:
    facts = {
        "galaxies": f"{document['counts']['all']['out']:,}",
        "views a training galaxy": str(document["recipe"]["views"]["count"] + 1),
        "crop": f"{document['recipe']['crop']['size']} px",
        "recipe hash": str(document.get("recipe_hash", ""))[:12],
        "data hash": str(document.get("data_hash", ""))[:12],
        "gzprep": str(document.get("gzprep", "")),
    }
    return [(name, printable(value)) for name, value in facts.items() if value]


callable_module(__name__, report)
