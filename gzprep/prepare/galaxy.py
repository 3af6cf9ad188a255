"""One galaxy, from its row and its image to the records of all its views, or to the reason why there are none."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple, Self

from gzcore.dataset.example import galaxy_entries, serialize
from gzcore.dataset.layout import VIEWS
from gzcore.images import Pixels, UnusableImage
from gzcore.images.neighbours import Surroundings, blank_neighbours, find_neighbours
from gzprep.catalogue.galaxy import DefectVerdict, Galaxy, Labels, Reason, Rejection, RejectionStage, Split
from gzprep.catalogue.labels import label
from gzprep.config import Recipe
from gzprep.dataset.shards import order_of
from gzprep.images.codec import encode, to_rgb
from gzprep.images.defects import fill_lines, judge
from gzprep.images.fit import border, padded
from gzprep.images.opening import decode_frame, rejection_of
from gzprep.images.pipeline import apply_pipeline, build, describe_drawn, seed_of
from gzprep.images.views import Op, Rules, View, describe, draw_view, draw_views, render

NO_CENTRE = "no_central_source"
"""The flag of a galaxy whose image has nothing in the middle, so that no neighbour was blanked."""


class Measured(NamedTuple):
    """What decoding an image found: arcsec a pixel as it came, pixels that are no numbers, and those below black."""

    arcsec: float | None
    not_numbers: int
    below_black: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A galaxy whose image has been read and judged.

    Attributes:
        galaxy: the row.
        labels: everything a trainer may choose from.
        verdict: scores, flags, and the rejection if there is one.
        digest: blake2b of the image's bytes, hex; empty where there is no file.
        frame: uint8 [H, W, 4], lines filled where the recipe says so; None where the image cannot be used.
        measured: what decoding found; None where there was nothing to decode.
        around: what stood beside the galaxy and was blanked; None where the recipe asks for no mask.
    """

    galaxy: Galaxy
    labels: Labels
    verdict: DefectVerdict
    digest: str
    frame: Pixels | None
    measured: Measured | None = None
    around: Surroundings | None = None

    def without_duplicate(self, test_id: str) -> Self:
        """The same, rejected as a duplicate of a test galaxy; a galaxy that is rejected already keeps its reason."""
        if self.verdict.rejection is not None:
            return self
        detail = f"the same galaxy as {test_id} of the test split"
        rejection = Rejection(RejectionStage.CATALOGUE, Reason.DUPLICATE, detail)
        return replace(self, verdict=replace(self.verdict, rejection=rejection), frame=None)

    def without_frame(self) -> Self:
        """The same, without the pixels: what is kept until the bin is done."""
        return replace(self, frame=None, around=None)


RenderedViews = Iterator[tuple[int, Pixels, bytes]]
"""Index, image (uint8 [crop, crop, 3]) and ``ops`` of each view of a galaxy."""


class Record(NamedTuple):
    """One serialised view.

    Attributes:
        view: its index; 0 is the original.
        split: the split of the data set that it belongs to: ``train``, ``train_views`` or ``test``.
        order: sort key within its shard.
        data: a serialised ``tf.train.Example``.
    """

    view: int
    split: str
    order: int
    data: bytes


def image_digest(data: bytes) -> str:
    """What identifies the bytes of an image: 16 bytes of blake2b, hex."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def judge_galaxy(galaxy: Galaxy, data: bytes | Rejection, recipe: Recipe) -> Judged:
    """Decode and judge the image of a galaxy, and derive its labels.

    Args:
        galaxy: the row.
        data: what :func:`gzprep.images.sources.read_image` gave.
        recipe: survey, frame, thresholds and policies.
    """
    min_votes = recipe.labels.min_votes
    labels = label(galaxy.votes, galaxy.id, recipe.survey, seed=recipe.split_seed, min_votes=min_votes)
    if isinstance(data, Rejection):
        return Judged(galaxy, labels, DefectVerdict(rejection=data), "", None)
    try:
        decoded = decode_frame(data, recipe)
    except UnusableImage as error:
        return Judged(galaxy, labels, DefectVerdict(rejection=rejection_of(error)), image_digest(data), None)
    frame, verdict = decoded.pixels, judge(decoded.pixels, recipe.defects)
    if decoded.oddity:  # no detector has this name
        verdict = replace(verdict, flags=(*verdict.flags, decoded.oddity))
    if verdict.inpainted:
        frame = fill_lines(frame, [verdict.lines[name] for name in verdict.inpainted])
    around = find_neighbours(frame) if recipe.images.mask == "central" and verdict.rejection is None else None
    if around is not None:
        frame = blank_neighbours(frame, around, recipe.seed, galaxy.id)
        verdict = verdict if around.found else replace(verdict, flags=(*verdict.flags, NO_CENTRE))
    verdict = _moved(verdict, *border(frame, recipe))
    measured = Measured(decoded.arcsec, decoded.not_numbers, decoded.below_black)
    usable = None if verdict.rejection else padded(frame, recipe)
    return Judged(galaxy, labels, verdict, image_digest(data), usable, measured, around)


def _moved(verdict: DefectVerdict, top: int, left: int) -> DefectVerdict:
    """A verdict on an image that gets a border: its lines are further down and to the right."""
    if not (top or left):
        return verdict
    ends = {
        name: replace(line, x0=line.x0 + left, y0=line.y0 + top, x1=line.x1 + left, y1=line.y1 + top)
        for name, line in verdict.lines.items()
    }
    return replace(verdict, lines=ends)


def galaxy_views(galaxy: Galaxy, recipe: Recipe) -> tuple[View, ...]:
    """The views a galaxy gets: all of them in train, the original alone in test (F34)."""
    rules = Rules(recipe.views, recipe.crop.size)
    if galaxy.split is Split.TEST:
        return (draw_view(rules, recipe.seed, galaxy.id, 0),)
    return draw_views(rules, recipe.seed, galaxy.id)


def make_records(judged: Judged, frame: Pixels, recipe: Recipe, fold: int) -> Iterator[Record]:
    """Yield the serialised views of an accepted galaxy.

    Args:
        judged: the galaxy and its labels.
        frame: uint8 [H, W, 4], its image.
        recipe: views and crop.
        fold: of the galaxy, as its bin says.

    Raises:
        GzError: the recipe's own pipeline fails on the image.
    """
    galaxy, crop = judged.galaxy, recipe.crop
    labels = judged.labels
    shared = galaxy_entries(
        galaxy.id,
        fold,
        fraction=labels.fractions,
        votes=labels.votes,
        label_report=labels.report,
        label_asked=labels.asked,
        mask=labels.mask,
    )
    make = _built_in_views if recipe.views.pipeline is None else _pipeline_views
    for index, image, ops in make(galaxy, frame, recipe, _repairs(judged)):
        split = galaxy.split.value if index == 0 else VIEWS
        order = order_of(galaxy.id, index, recipe.split_seed)
        yield Record(index, split, order, serialize(shared, encode(image, crop), index, ops))


def _built_in_views(galaxy: Galaxy, frame: Pixels, recipe: Recipe, repairs: tuple[Op, ...]) -> RenderedViews:
    height, width = frame.shape[:2]
    size = recipe.crop.size
    for view in galaxy_views(galaxy, recipe):
        yield view.index, render(frame, view, size), describe(view, height, width, size, repairs)


def _pipeline_views(galaxy: Galaxy, frame: Pixels, recipe: Recipe, repairs: tuple[Op, ...]) -> RenderedViews:
    """The original, and for a training galaxy what the recipe's pipeline makes of it."""
    height, width = frame.shape[:2]
    size, image = recipe.crop.size, to_rgb(frame)
    yield 0, render(frame, View(0), size), describe(View(0), height, width, size, repairs)
    if galaxy.split is Split.TEST:
        return
    pipeline = build(recipe.views.pipeline or {})
    for index in range(1, recipe.views.count + 1):
        view, drawn = apply_pipeline(pipeline, image, seed_of(recipe.seed, galaxy.id, index), size)
        yield index, view, describe_drawn(drawn, repairs)


def _repairs(judged: Judged) -> tuple[Op, ...]:
    """What was done to the image before any view was made of it."""
    verdict, around = judged.verdict, judged.around
    filled = tuple(Op("inpaint", {"defect": name, **asdict(verdict.lines[name])}) for name in verdict.inpainted)
    return filled if around is None else (*filled, Op("mask", {"neighbours": around.sources}))
