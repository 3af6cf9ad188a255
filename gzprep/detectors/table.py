"""All detectors by name: each a function from a :class:`~gzprep.detectors.sight.Sight` to a ``Finding``."""

from collections.abc import Callable, Iterable

from gzprep.detectors.black_line import black_line
from gzprep.detectors.colour_line import colour_line
from gzprep.detectors.error_image import error_image
from gzprep.detectors.frame_edge import frame_edge
from gzprep.detectors.saturated_background import saturated_background
from gzprep.detectors.sight import Sight
from gzprep.geometry import Pixels
from gzprep.records import Finding

DETECTORS: dict[str, Callable[[Sight], Finding]] = {
    "error_image": error_image,
    "black_line": black_line,
    "colour_line": colour_line,
    "saturated_background": saturated_background,
    "frame_edge": frame_edge,
}
"""Name, as in the recipe and in ``Reason``, to function."""


def find(image: Pixels, names: Iterable[str] = tuple(DETECTORS)) -> dict[str, Finding]:
    """Look at an image with some detectors.

    Args:
        image: uint8 [H, W], [H, W, 3] or [H, W, 4], RGB; at least 64 px a side. Turned or mirrored, it gets the same
            scores.
        names: of detectors.
    """
    sight = Sight(image)
    return {name: DETECTORS[name](sight) for name in names}
