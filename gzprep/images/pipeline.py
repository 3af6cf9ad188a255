"""A user's own augmentations: an albumentations pipeline that makes the views, in place of the built-in operations.

The pipeline sees the whole frame, as RGB. It gives an image of the crop's size, or one of the frame's size, whose
middle is then cut out. Chance is a function of (seed, galaxy id, view index) alone. What was drawn goes into the
record's ``ops``: a transform each, in the order they were applied, with its parameters and its place in the pipeline.
"""

import json
import os
import random
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import numpy as np

from gzcore.console import brief, printable, shown
from gzcore.errors import GzError, UsageError
from gzcore.hashing import identity_hash
from gzcore.images import Pixels
from gzprep.images.drawn import as_json
from gzprep.images.geometry import crop_offset
from gzprep.images.views import Op

Json = dict[str, Any]
_NOT_PLAIN = frozenset(("Lambda",))
"""Transforms that hold a function, which no file can."""
_READ_FILES = frozenset(("FDA", "HistogramMatching", "PixelDistributionAdaptation", "TextImage"))
"""Transforms that read other files. These are not in the recipe, so other bytes could come out of the same recipe."""
_NAME = "__class_fullname__"
_OWN = "albumentations."
_TRIALS = 8
"""Images that a pipeline is tried on before a run starts."""


def import_albumentations() -> Any:  # noqa: ANN401 -- a module without types
    """Import albumentations without its question to the internet whether there is a newer version."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations

    return albumentations


@dataclass(eq=False)
class Pipeline:
    """A pipeline that is ready to be applied.

    Attributes:
        top: the composition, or the one transform.
        leaves: the transforms that change an image, by their place in the tree.
        drawn: what the last call drew: an operation each, in the order they were applied.
    """

    top: Any
    leaves: dict[tuple[int, ...], Any] = field(default_factory=dict)
    drawn: list[Json] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.leaves = dict(_leaves(self.top, ()))
        for place, leaf in self.leaves.items():
            self._listen(leaf, place)

    def _listen(self, leaf: Any, place: tuple[int, ...]) -> None:  # noqa: ANN401 -- a transform
        """Note the parameters that a transform is applied with: what ReplayCompose stores, in the order of application.

        ReplayCompose itself keeps the order of the file, and of a transform that is applied twice the last time only.
        """
        apply = leaf.apply_with_params

        def noted(params: Json, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- as albumentations has it
            self.drawn.append({"op": type(leaf).__name__, "at": list(place), "params": as_json(params)})
            return apply(params, *args, **kwargs)

        leaf.apply_with_params = noted

    def __call__(self, image: Pixels, seed: int) -> tuple[Any, list[Json]]:
        """Apply the pipeline.

        Args:
            image: uint8 [H, W, 3].
            seed: decides everything that is drawn.

        Returns:
            The image, of whatever size and type; and what was drawn.
        """
        self.drawn = []
        # One generator for all transforms: with set_random_seed, each would draw the same numbers as the others.
        self.top.set_random_state(np.random.default_rng(seed), random.Random(seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they have been told when the pipeline was checked
            return self.top(image=image)["image"], self.drawn


def _leaves(transform: Any, place: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Any]]:  # noqa: ANN401
    if not hasattr(transform, "transforms"):
        yield place, transform
        return
    for index, below in enumerate(transform.transforms):
        yield from _leaves(below, (*place, index))


# ---------------------------------------------------------------- building


def build(document: Mapping[str, Any]) -> Pipeline:
    """Build a pipeline from its serialization; one that was built before is taken again.

    Args:
        document: what ``albumentations.to_dict`` gives.

    Raises:
        UsageError: it names something that cannot be used; the sentence says what.
    """
    return _built(json.dumps(document, sort_keys=True))


@lru_cache(maxsize=4)
def _built(text: str) -> Pipeline:
    document = json.loads(text)
    library = import_albumentations()
    names = tuple(_names(document["transform"]))
    for name in names:
        _check_name(name, library)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        top = _from_dict(library, document)
    for warning in told:
        if str(warning.message).startswith("Argument"):
            raise UsageError(
                f"views.pipeline does not fit albumentations {library.__version__}: {brief(warning.message)}."
            )
    return Pipeline(top)


def _names(node: Any) -> Iterator[str]:  # noqa: ANN401 -- any JSON value
    """The class that each transform of a pipeline names; an empty text where a transform names none."""
    yield str(node.get(_NAME, "")) if isinstance(node, dict) else ""
    below = node.get("transforms", ()) if isinstance(node, dict) else ()
    for transform in below if isinstance(below, list | tuple) else ():
        yield from _names(transform)


def _check_name(name: str, library: Any) -> None:  # noqa: ANN401 -- albumentations
    from albumentations.core.serialization import SERIALIZABLE_REGISTRY

    word = name.rpartition(".")[2] if name.startswith(_OWN) else name
    if not word:
        raise UsageError(f"views.pipeline has a transform without {_NAME}, the name of its class.")
    if word in _NOT_PLAIN:
        raise UsageError(
            f"views.pipeline has a {word}, which holds a function; only transforms of plain values can be used."
        )
    if word in _READ_FILES:
        raise UsageError(
            f"views.pipeline has {word}, which reads other files; its images would not follow from the recipe."
        )
    if "." in word:
        raise UsageError(f"views.pipeline names the class {shown(word)}; only albumentations' own can be used.")
    if word not in SERIALIZABLE_REGISTRY:
        near = get_close_matches(word, SERIALIZABLE_REGISTRY, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise UsageError(f"views.pipeline names {shown(word)}, which albumentations {library.__version__} lacks{hint}")


def _from_dict(library: Any, document: Json) -> Any:  # noqa: ANN401 -- albumentations, and a transform
    try:
        return library.from_dict(document)
    except Exception as error:  # whatever a transform makes of its arguments
        raise UsageError(
            f"views.pipeline cannot be built by albumentations {library.__version__}: {_line(error)}"
        ) from None


def _line(error: Exception) -> str:
    """What an error of albumentations says, in one line; pydantic's begin with a count and end with an address."""
    lines = [line.strip() for line in str(error).splitlines() if "errors.pydantic.dev" not in line]
    text = printable(": ".join(line for line in lines if line) or type(error).__name__)
    return f"{text[:300].rstrip('. ')}."


# ---------------------------------------------------------------- applying


def describe_drawn(drawn: Iterable[Json], repairs: Iterable[Op] = ()) -> bytes:
    """What was done to a view, as the JSON that a record holds: repairs of the frame, then what was drawn."""
    ops = [*(op.json for op in repairs), *(json.dumps(op, separators=(",", ":")) for op in drawn)]
    return f"[{','.join(ops)}]".encode()


def seed_of(seed: int, galaxy_id: str, index: int) -> int:
    """The seed of one view."""
    return identity_hash("pipeline", seed, galaxy_id, index)


def apply_pipeline(pipeline: Pipeline, image: Pixels, seed: int, crop: int) -> tuple[Pixels, list[Json]]:
    """Make one view.

    Args:
        pipeline: what is done.
        image: uint8 [H, W, 3], RGB, the whole source image; it is not changed.
        seed: of the view.
        crop: size, px.

    Returns:
        uint8 [crop, crop, 3], RGB; and what was drawn.

    Raises:
        GzError: the pipeline failed, or gave an image of another size or type.
    """
    try:
        result, drawn = pipeline(image.copy(), seed)
    except Exception as error:  # whatever a transform makes of an image
        raise GzError(
            f"views.pipeline fails on an image of {image.shape[1]} x {image.shape[0]} px: {_line(error)}"
        ) from None
    return cut(result, image.shape, crop), drawn


def cut(result: Any, frame: tuple[int, ...], crop: int) -> Pixels:  # noqa: ANN401 -- whatever a pipeline gave
    """The crop out of what a pipeline gave.

    Raises:
        GzError: it has another size than the crop and the frame, or is not uint8 [H, W, 3].
    """
    shape: tuple[int, ...] = getattr(result, "shape", ())
    if getattr(result, "dtype", None) != np.uint8 or shape[2:] != (3,):
        kind = f"{getattr(result, 'dtype', type(result).__name__)} {list(shape)}"
        raise GzError(
            f"views.pipeline gives an image of {kind}; expected uint8 [{crop}, {crop}, 3], so leave out Normalize, "
            "ToFloat and what else changes the type."
        )
    if shape[:2] == (crop, crop):
        return np.ascontiguousarray(result)
    if shape[:2] != frame[:2]:
        raise GzError(
            f"views.pipeline gives an image of {shape[1]} x {shape[0]} px; expected {crop} x {crop}, the crop, or "
            f"{frame[1]} x {frame[0]}, the frame. End it with a CenterCrop of {crop} px, or set crop.size."
        )
    top, left = crop_offset(shape[0], crop), crop_offset(shape[1], crop)
    return np.ascontiguousarray(result[top : top + crop, left : left + crop])


def check_pipeline(document: Mapping[str, Any], frame: tuple[int, int], crop: int) -> None:
    """Build a pipeline and try it, before a run starts.

    Args:
        document: its serialization.
        frame: height and width of the images, px.
        crop: size, px.

    Raises:
        UsageError: it cannot be built, fails, gives another size, or gives another image for the same seed.
    """
    pipeline = build(document)
    image = np.random.default_rng(0).integers(0, 256, (*frame, 3), np.uint8)
    seeds = range(_TRIALS)
    try:
        first = [apply_pipeline(pipeline, image, seed, crop) for seed in seeds]
        again = [apply_pipeline(pipeline, image, seed, crop) for seed in reversed(seeds)][::-1]
    except GzError as error:
        raise UsageError(str(error)) from None
    if not all(np.array_equal(a, b) and drawn == then for (a, drawn), (b, then) in zip(first, again, strict=True)):
        raise UsageError("views.pipeline gives another image when the same seed comes again, so it cannot be replayed.")
