"""The images of a data folder in every way that a source can hold them."""

import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.images import UnusableImage, decode

Ways = dict[str, Callable[[Path, Path], tuple[object, ...]]]


def rows_of(data: Path) -> list[dict[str, Any]]:
    """Every row of both catalogues."""
    return [
        row
        for path in sorted(data.glob("*.parquet"))
        if "catalog" in path.name
        for row in pq.read_table(path).to_pylist()
    ]


def images_of(data: Path) -> list[tuple[dict[str, Any], bytes]]:
    """Rows with their images, those without one left out."""
    pairs = ((row, data / "images" / row["subfolder"] / row["filename"]) for row in rows_of(data))
    return [(row, path.read_bytes()) for row, path in pairs if path.is_file()]


def without_images(data: Path, folder: Path) -> Path:
    """A data folder with the catalogues alone."""
    folder.mkdir(parents=True)
    for path in data.glob("*_catalog.*"):
        shutil.copy(path, folder)
    return folder


def as_parquet(data: Path, path: Path, *, plain: bool = False, group: int = 5) -> Path:
    """Ids and images, in Hugging Face's layout or as plain binary; in another order than the catalogue's."""
    pairs = sorted(images_of(data), key=lambda pair: pair[0]["id_str"][::-1])
    images = [image if plain else {"bytes": image, "path": f"{row['id_str']}.jpg"} for row, image in pairs]
    kind = pa.binary() if plain else pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    ids = pa.array([str(row["id_str"]) for row, _ in pairs])
    pq.write_table(pa.table({"id_str": ids, "image": pa.array(images, kind)}), path, row_group_size=group)
    return path


def as_tar(data: Path, path: Path) -> Path:
    """WebDataset: a member of JSON beside each image."""
    with tarfile.open(path, "w") as tar:
        for row, image in images_of(data):
            for ending, content in (("jpg", image), ("json", b"{}")):
                member = tarfile.TarInfo(f"some/folder/{row['id_str']}.{ending}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def beside_labels(data: Path, folder: Path) -> Path:
    """Catalogues that have the images themselves, and no folder of images."""
    folder.mkdir(parents=True)
    images = {row["id_str"]: image for row, image in images_of(data)}
    for path in data.glob("*_catalog.parquet"):
        table = pq.read_table(path)
        column = pa.array([images.get(name) for name in table["id_str"].to_pylist()], pa.binary())
        pq.write_table(table.append_column("image", column), folder / path.name, row_group_size=4)
    return folder


def as_fits(data: Path, folder: Path) -> Path:
    """The pixels of every image that can be decoded as three planes of 8 bits, under the names of the catalogue."""
    from astropy.io import fits

    for row, image in images_of(data):
        path = folder / row["subfolder"] / row["filename"]
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            pixels = decode(image)
        except UnusableImage:
            path.write_bytes(image)
            continue
        planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 0)[:, ::-1])  # the first row of FITS is the lowest
        stream = io.BytesIO()
        fits.PrimaryHDU(planes).writeto(stream)
        path.write_bytes(stream.getvalue())
    return folder
