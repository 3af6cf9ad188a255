"""Where images come from: files, parquet or tar. Each gives the bytes of a galaxy's image, and nothing decodes here."""

from gzprep.images.sources.base import ImageName, ImageSource, Named, read_image, read_images, read_named
from gzprep.images.sources.files import Files
from gzprep.images.sources.opening import describe, open_images

__all__ = [
    "Files",
    "ImageName",
    "ImageSource",
    "Named",
    "describe",
    "open_images",
    "read_image",
    "read_images",
    "read_named",
]
