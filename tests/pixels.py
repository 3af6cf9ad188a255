"""Pixels by the plainest way, to hold ours against."""

from gzcore.images import Pixels
from gzprep.images.geometry import crop_offset


def centre_crop(frame: Pixels, crop: int) -> Pixels:
    """View of the middle ``crop`` x ``crop`` px of a frame."""
    top, left = (crop_offset(side, crop) for side in frame.shape[:2])
    return frame[top : top + crop, left : left + crop]
