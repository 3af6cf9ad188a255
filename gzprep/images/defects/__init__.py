"""Detectors of defective images. Each is a function from the planes of an image to a finding: a score, perhaps a line.

Detectors see the decoded source image, before any view is made. Thresholds and policies come from the recipe.

- One module for each detector: :mod:`error_image`, :mod:`black_line`, :mod:`colour_line`,
  :mod:`saturated_background`, :mod:`frame_edge`.
- :mod:`planes` computes the planes that they share, :mod:`small` two more for long lines.
- :mod:`rays` finds short lines, :mod:`trace` follows them, :mod:`lines` turns them into findings.
- :mod:`detectors` runs the detectors and compares scores with thresholds. :mod:`inpaint` fills lines.
"""

from gzprep.images.defects.detectors import DETECTORS, decide, find, judge, wanted
from gzprep.images.defects.inpaint import fill_lines

__all__ = ["DETECTORS", "decide", "fill_lines", "find", "judge", "wanted"]
