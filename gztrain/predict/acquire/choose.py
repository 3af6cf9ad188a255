"""``gztrain next``: the galaxies from whose votes a network would learn most, as a list and as a sheet."""

import csv
import heapq
import io
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gzcore.errors import GzError
from gzcore.images import Pixels
from gzcore.storage.atomic import write_output
from gztrain.data.dataset import Scheme, open_dataset
from gztrain.data.labels import Floats
from gztrain.data.names import joined_once, names_of, names_of_file, prefixes_of
from gztrain.evaluation.ensemble import EnsembleRequest, members_of, open_members
from gztrain.evaluation.members import in_groups
from gztrain.predict.acquire.information import Acquisition, acquisition
from gztrain.predict.crops import filled_up
from gztrain.predict.embeddings.embed import thumbnail
from gztrain.predict.embeddings.explore import MOST_TILES
from gztrain.predict.embeddings.pages import Tile, sheet_page
from gztrain.predict.galaxies import Counts, galaxies_of, is_dataset
from gztrain.predict.images import BATCH, Advance, cut_of
from gztrain.runs.folder import Json, Run, open_run
from gztrain.runs.galaxies import trained_of_all

SAMPLES = 20
"""Networks that are drawn by dropout."""
_DIGITS = 6

Called = Callable[[str], Collection[str]]
"""The name of a galaxy, an id or the path of an image, to the ids that it may have in other data sets."""
Opinions = Callable[[Pixels], Floats]
"""Images, uint8 [N, S, S, 3], to label probabilities by M networks, float32 [M, N, L]."""


@dataclass(frozen=True, eq=False)
class NextRequest:
    """What the user asked for.

    Attributes:
        runs: run folders; one run is asked several times by dropout.
        places: images and folders of images, or one dataset folder.
        count: how many galaxies to choose.
        out: CSV file to write; None: none.
        html: page to write; None: none.
        resize: bring images of another size than those of the training to that size.
        seed: of the dropout.
    """

    runs: tuple[Path, ...]
    places: tuple[Path, ...]
    count: int = 100
    out: Path | None = None
    html: Path | None = None
    resize: bool = False
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Chosen:
    """A galaxy to show to volunteers.

    Attributes:
        id: of the galaxy, or the path of its image.
        score: information of a vote, bits.
        information: of a vote on each question, bits, float64 [Q].
        asked: the chance that each is asked, float64 [Q].
        picture: a small JPEG.
    """

    id: str
    score: float
    information: np.ndarray
    asked: np.ndarray
    picture: bytes

    def __lt__(self, other: "Chosen") -> bool:
        """Worse: a lower score; of equal ones the later name."""
        return (self.score, other.id) < (other.score, self.id)

    def decides(self, scheme: Scheme) -> str:
        """The question that adds most to the score."""
        return scheme.questions[int((self.information * self.asked).argmax())].name


def choose(request: NextRequest, advance: Advance = lambda _: None) -> Json:
    """Choose galaxies to show to volunteers next, those from whose votes the networks would learn most.

    Galaxies that trained one of the runs are left out: they have votes.

    Args:
        request: what the user asked for.
        advance: told how many images are done, batch by batch.

    Returns:
        ``method``, ``ensemble`` or ``dropout``; ``networks``, how many were asked; ``galaxies``, how many were looked
        at; ``trained``, how many were left out, None where that is not known; ``unusable`` and ``other_size``, counts
        of image files; ``next``, a list of ``id``, ``score`` (bits), ``most_about`` (a question), and by question
        ``information`` and ``asked``, the best first.

    Raises:
        GzError: a run is not there, the runs do not belong together, a lone one has no dropout, or no image is left.
        UsageError: a place is not there.
    """
    runs, opinions, networks = open_opinions(request.runs, request.seed)
    scheme, counts, trained = runs[0].scheme, Counts(), trained_of_all(runs)
    best: list[Chosen] = []
    left_out = looked = 0
    called = called_in(request.places, runs)
    for names, images in galaxies_of(request.places, cut_of(runs[0], resize=request.resize), counts):
        rows = untrained(names, trained, called)
        left_out += len(names) - len(rows)
        looked += len(rows)
        if rows:
            _keep(
                best, [names[row] for row in rows], images[rows], acquisition(opinions(images[rows]), scheme), request
            )
        advance(len(names))
    if not looked:
        raise GzError(_nothing(left_out, counts.unusable))
    best.sort(reverse=True)
    document = {
        "method": "ensemble" if len(runs) > 1 else "dropout",
        "networks": networks,
        "galaxies": looked,
        "trained": None if trained is None else left_out,
        "unusable": counts.unusable,
        "other_size": counts.other_size,
        "next": [_entry(galaxy, scheme) for galaxy in best],
    }
    _write(request, document, best, scheme)
    return document


def untrained(names: Sequence[str], trained: Collection[str] | None, called: Called) -> list[int]:
    """Places of the galaxies that trained no run.

    Args:
        names: ids of galaxies, or paths of images.
        trained: ids; None: they are not known.
        called: the ids that the galaxy of a name may have.
    """
    taught = frozenset(map(joined_once, trained or ()))
    return [place for place, name in enumerate(names) if taught.isdisjoint(called(name))]


def called_in(places: Sequence[Path], runs: Sequence[Run]) -> Called:
    """The function that tells which ids the galaxies at some places may have in the data sets of runs.

    An image file is named as its catalogue names the galaxy, so the prefixes of a joined folder come from the runs.
    """
    if is_dataset(places):
        dataset = open_dataset(places[0])
        return lambda name: names_of(name, dataset)
    prefixes = frozenset().union(*map(_prefixes, runs))
    return lambda name: names_of_file(name, prefixes)


def _prefixes(run: Run) -> frozenset[str]:
    with suppress(GzError):  # the data set of a run may be gone
        return prefixes_of(open_dataset(run.dataset))
    return frozenset()


def open_opinions(paths: Sequence[Path], seed: int) -> tuple[list[Run], Opinions, int]:
    """The runs, the function that asks all of their networks, and how many networks these are."""
    members = [member for path in paths for member in members_of(path)]
    if len(members) > 1:
        runs = open_members(EnsembleRequest(tuple(paths), None, places=tuple(paths)))
        if len(in_groups(runs)) > 1:
            raise GzError("The runs answer different questions, which cannot be compared; name runs of one scheme.")
        models = [run.model() for run in runs]
        return runs, lambda images: np.stack([_predicted(model, images) for model in models]), len(models)
    from gztrain.predict.acquire.dropout import DropoutNetworks

    run = open_run(members[0])
    return [run], DropoutNetworks(run.model(), SAMPLES, seed), SAMPLES


def _predicted(model: Callable[..., Floats], images: Pixels) -> Floats:
    """Probabilities of at most ``BATCH`` images; the model always gets so many, so it is compiled once."""
    padded = filled_up(images, BATCH)
    return np.asarray(model.predict_on_batch(padded), np.float32)[: len(images)]  # type: ignore[attr-defined]


def _keep(best: list[Chosen], names: Sequence[str], images: Pixels, found: Acquisition, request: NextRequest) -> None:
    """Take galaxies into the heap of the best; only those that stay get a picture."""
    for row, name in enumerate(names):
        score = float(found.score[row])
        if len(best) < request.count or score >= best[0].score:
            picture = thumbnail(images[row]) if request.html is not None else b""
            heapq.heappush(best, Chosen(name, score, found.information[row], found.asked[row], picture))
        if len(best) > request.count:
            heapq.heappop(best)


def _nothing(left_out: int, unusable: int) -> str:
    if left_out:
        return f"All {left_out} galaxies have trained the runs; name galaxies that have no votes yet."
    return f"No image can be used ({unusable} cannot); gztrain predict says why."


def _entry(galaxy: Chosen, scheme: Scheme) -> Json:

    def by_question(values: np.ndarray) -> Json:
        pairs = zip(scheme.questions, values, strict=True)
        return {question.name: round(float(value), _DIGITS) for question, value in pairs}

    return {
        "id": galaxy.id,
        "score": round(galaxy.score, _DIGITS),
        "most_about": galaxy.decides(scheme),
        "information": by_question(galaxy.information),
        "asked": by_question(galaxy.asked),
    }


def _write(request: NextRequest, document: Json, best: Sequence[Chosen], scheme: Scheme) -> None:
    if request.out is not None:
        write_output(request.out, table(document, scheme).encode())
    if request.html is not None:
        titles = {question.name: question.title for question in scheme.questions}
        tiles = [
            Tile(galaxy.id, f"{galaxy.score:.3f} bits: {titles[galaxy.decides(scheme)]}", galaxy.picture)
            for galaxy in best[:MOST_TILES]
        ]
        title = f"{len(best):,} of {document['galaxies']:,} galaxies to show next"
        write_output(request.html, sheet_page(title, _LEAD.format(**document), tiles).encode())


_LEAD = (
    "Galaxies from whose votes the network would learn most, the best first. {networks} networks were asked "
    "({method}), and they contradict each other most about these. Below each galaxy stands what one vote would teach, "
    "in bits, and the question that adds most to it."
)


def table(document: Json, scheme: Scheme) -> str:
    """The list as CSV: rank, id, score, most_about, then information and chance of each question."""
    names = [question.name for question in scheme.questions]
    columns = [f"{name}_{kind}" for name in names for kind in ("information", "asked")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", "id", "score", "most_about", *columns])
    for rank, entry in enumerate(document["next"], 1):
        values = [entry[kind][name] for name in names for kind in ("information", "asked")]
        writer.writerow([rank, entry["id"], entry["score"], entry["most_about"], *values])
    return text.getvalue()
