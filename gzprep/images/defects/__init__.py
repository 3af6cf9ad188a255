"""Detectors of defective images: each a function from the sight of an image to a finding, a score and perhaps a line.

They see the decoded source image, before any view is made of it; thresholds and policies are the recipe's. One module a
detector: :mod:`error_image`, :mod:`black_line`, :mod:`colour_line`, :mod:`saturated_background`, :mod:`frame_edge`;
:mod:`sight` has the planes they share, :mod:`rays` finds short lines and :mod:`trace` follows them, :mod:`judging`
holds scores against thresholds, :mod:`inpaint` takes lines out.
"""

from gzprep.images.defects.inpaint import fill_lines
from gzprep.images.defects.judging import DETECTORS, decide, find, judge, wanted

__all__ = ["DETECTORS", "decide", "fill_lines", "find", "judge", "wanted"]
