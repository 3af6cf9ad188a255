"""The built-in operations as a pipeline of albumentations, for a user who wants to change them."""

import inspect
from collections.abc import Mapping
from typing import Any

import cv2

from gzcore.recipe.overlay import Range
from gzcore.storage.plain import plain
from gzprep.config import Views
from gzprep.images.pipeline import import_albumentations
from gzprep.images.views import SMALLEST_ZOOM, sigma_of

Json = dict[str, Any]
_WARP = {"border_mode": cv2.BORDER_REFLECT_101, "p": 1.0}
_NAME = "__class_fullname__"
_ABSENT = object()


def built_in_pipeline(rules: Views, crop: int) -> Json:
    """The operations of a recipe as albumentations serializes a pipeline, without arguments that have their defaults.

    Args:
        rules: their ranges, and how many are drawn.
        crop: size, px.
    """
    library = import_albumentations()
    operations = [
        _translate(library, rules.translate),
        library.Affine(rotate=rules.rotate, **_WARP),
        library.Affine(scale=_zoom(rules.zoom), keep_ratio=True, **_WARP),
        library.OneOf([library.HorizontalFlip(p=1.0), library.VerticalFlip(p=1.0)], p=1.0),
        library.OneOf([_blur(library, kernel) for kernel in rules.blur], p=1.0),
        library.OneOf([_noise(library, rules.noise_sigma), library.MedianBlur(blur_limit=(3, 3), p=1.0)], p=1.0),
        library.NoOp(p=1.0),
    ]
    drawn = [library.SomeOf(operations, n=rules.ops, p=1.0)] if rules.ops else []
    serialized = library.to_dict(library.Compose([*drawn, library.CenterCrop(crop, crop, p=1.0)]))
    return {"__version__": serialized["__version__"], "transform": _short(library, plain(serialized["transform"]))}


def _translate(library: Any, bounds: Range) -> Any:  # noqa: ANN401 -- albumentations
    low, high = (round(bound) for bound in bounds)
    return library.Affine(translate_px={"x": (low, high), "y": (low, high)}, **_WARP)


def _zoom(bounds: Range) -> Range:
    """Magnifications that albumentations can draw: those below a twentieth are left out, negative ones too."""
    return max(bounds[0], SMALLEST_ZOOM), max(bounds[1], SMALLEST_ZOOM)


def _blur(library: Any, kernel: int) -> Any:  # noqa: ANN401 -- albumentations
    if kernel == 1:
        return library.NoOp(p=1.0)
    sigma = sigma_of(kernel)
    return library.GaussianBlur(blur_limit=(kernel, kernel), sigma_limit=(sigma, sigma), p=1.0)


def _noise(library: Any, bounds: Range) -> Any:  # noqa: ANN401 -- albumentations
    low, high = (min(bound / 255, 1.0) for bound in bounds)
    return library.GaussNoise(std_range=(low, high), p=1.0)


def _short(library: Any, node: Json) -> Json:  # noqa: ANN401 -- albumentations
    """A transform without the arguments that have their default values."""
    defaults = _defaults(library, node[_NAME])
    kept = {key: value for key, value in node.items() if key in (_NAME, "p") or defaults.get(key, _ABSENT) != value}
    if "transforms" in kept:
        kept["transforms"] = [_short(library, below) for below in node["transforms"]]
    return kept


def _defaults(library: Any, name: str) -> Json:  # noqa: ANN401 -- albumentations
    """Its arguments by default, as it serializes them; those that a transform cannot do without are no defaults."""
    needed = {"transforms": [library.NoOp(p=1.0)], "height": 1, "width": 1}
    declared = inspect.signature(getattr(library, name)).parameters
    made = getattr(library, name)(**{key: value for key, value in needed.items() if key in declared})
    defaults: Json = plain(made.to_dict_private())
    return {key: value for key, value in defaults.items() if key not in needed}


def as_yaml(document: Mapping[str, Any], notes: tuple[str, ...] = ()) -> str:
    """A pipeline as YAML, with notes above it."""
    import yaml

    text: str = yaml.safe_dump(dict(document), sort_keys=False, default_flow_style=None, width=100)
    return "".join(f"# {note}\n" for note in notes) + text


def notes_on(rules: Views) -> tuple[str, ...]:
    """How the pipeline differs from the built-in operations themselves."""
    notes = [
        "The built-in operations of gzprep as a pipeline of albumentations. Change what you like, and use it with:",
        "  gzprep run --set views.pipeline=FILE",
        "It draws other numbers than the built-in operations, from the same ranges. Each Affine interpolates anew,",
        "where the built-in operations do it once.",
    ]
    if rules.ops and rules.zoom_draw == "log-uniform":
        notes.append("The scale is drawn evenly, not log-uniformly.")
    if rules.zoom[0] < SMALLEST_ZOOM:
        notes.append(f"Scales below {SMALLEST_ZOOM} are left out.")
    if rules.denoise != "median":
        notes.append(f"{rules.denoise} is missing in albumentations; here it is a median.")
    return tuple(notes)
