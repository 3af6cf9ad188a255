"""Readers of what came after shards and runs: surveys, own labels, sources of images, weights of torch, embeddings."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from gzcore.storage.places import Place
from gzprep.catalogue.choose_columns import OwnColumns, choose_columns, told
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.read import CatalogueFile, check_columns, read_all
from gzprep.catalogue.surveys import read_survey
from gzprep.catalogue.tree_nodes import nodes_of_survey
from gzprep.catalogue.tree_svg import tree_svg
from gzprep.catalogue.tree_text import tree_lines
from gzprep.config import Recipe, read_recipe
from gzprep.images.opening import as_shown, decode_frame, header_of
from gzprep.images.pipeline import check_pipeline
from gzprep.images.sources.base import ImageName, ImageSource, read_named
from gzprep.images.sources.parquet import ParquetImages, open_parquet, read_group, unpack
from gzprep.images.sources.tar import open_tar
from gzprep.tools.convert.record import read_converted, read_note
from gztrain.config import from_mapping
from gztrain.data.dataset import Dataset, open_dataset
from gztrain.evaluation.audit import audit, read_results, sentences
from gztrain.evaluation.prevalence import read_prevalence
from gztrain.models.torch_file import read_torch_file
from gztrain.predict.catalogue.fitted_file import read_fitted
from gztrain.predict.embeddings.explore import draw_map, outliers, similar
from gztrain.training.reproduce import compare, open_original
from tests.fuzz.material import LABELS, MODEL, documents
from tests.gz2 import GZ2
from tests.gztrain.synthetic import scheme_of

NAMES = tuple(ImageName(name, "", f"{name}.jpg") for name in ("1", "2", "3", "absent"))
"""Images that are looked for in a source."""


def survey(data: bytes, folder: Path) -> None:
    """Read a survey, and everything that follows from it."""
    path = folder / "survey.toml"
    path.write_bytes(data)
    found = read_survey(path)
    assert found.model_validate(found.document()) == found
    nodes = nodes_of_survey(found)
    assert tree_lines(nodes)
    tree_svg(nodes, found.title)
    for scheme in found.questions_of_schemes:
        found.scheme_labels(scheme)


def own_labels(name: str) -> Callable[[bytes, Path], None]:
    """A user's own catalogue: questions are made of its columns, and its galaxies are read."""

    def run(data: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(data)
        survey = choose_columns(GZ2, [path], OwnColumns(LABELS, "name", "picture"))
        list(told(GZ2, survey))
        check_columns(path, survey)
        list(read_all([CatalogueFile(path, Split.TRAIN)], survey))

    return run


# ------------------------------------------------------------ images


@cache
def _recipe() -> Recipe:
    return read_recipe(None, ["images.frame=32", "images.fit=resize", "crop.size=16", "images.fits.stretch=asinh"])


def fits(data: bytes, _: Path) -> None:
    """An image of FITS; of what has lost its first bytes, any other image."""
    header = header_of(data)
    assert decode_frame(data, _recipe()).pixels.shape == (32, 32, 4)
    as_shown(data, _recipe())
    assert min(header.height, header.width) > 0


def tar(data: bytes, folder: Path) -> None:
    path = folder / "images.tar"
    path.write_bytes(data)
    _look_for_all(open_tar(str(path), [path]))


def parquet_images(data: bytes, folder: Path) -> None:
    """Images of parquet, one by one and copied to one file."""
    path = folder / "images.parquet"
    path.write_bytes(data)
    read_group.cache_clear()
    source = open_parquet(str(path), [path])
    _look_for_all(source)
    _unpack(source, folder)


def _unpack(source: ParquetImages, folder: Place) -> None:
    _look_for_all(unpack(source, folder / "pack", folder))


def _look_for_all(source: ImageSource) -> None:
    for name in NAMES:
        read_named(name, source)


def pipeline(data: bytes, folder: Path) -> None:
    """A pipeline of albumentations, as a run tries it before it starts."""
    path = folder / "pipeline.yaml"
    path.write_bytes(data)
    recipe = read_recipe(None, [f"views.pipeline={path}", "crop.size=16"])
    assert recipe.views.pipeline is not None
    check_pipeline(recipe.views.pipeline, (24, 24), 16)


# ------------------------------------------------------------ what training reads and makes


def torch_file(data: bytes, folder: Path) -> None:
    path = folder / "pytorch_model.bin"
    path.write_bytes(data)
    assert all(isinstance(array, np.ndarray) for array in read_torch_file(path).values())


def embeddings(data: bytes, folder: Path) -> None:
    """Every command that reads embeddings, pages included."""
    path, page = folder / "embeddings.parquet", folder / "page.html"
    path.write_bytes(data)
    similar(path, name="1", html=page)
    outliers(path, html=page)
    draw_map(path, page)


def model_card(data: bytes, folder: Path) -> None:
    """The block of JSON in a model card, as far as `gztrain reproduce` reads it before it trains."""
    (folder / "card").mkdir(exist_ok=True)  # alone: beside a run it would stand for the run
    path = folder / "card/MODEL_CARD.md"
    path.write_bytes(b"# A model\n\n```json gztrain\n" + data + b"\n```\n")
    original = open_original(path)
    from_mapping(original.config, str(path))
    compare(original.said, original.said)


def converted(data: bytes, folder: Path) -> None:
    (folder / "gzprep.json").write_bytes(data)
    read_converted(folder / "gzprep.json")


def convert_note(data: bytes, folder: Path) -> None:
    (folder / "note.json").write_bytes(data)
    read_note(folder / "note.json")


def published(data: bytes, folder: Path) -> None:
    """A table of results, judged."""
    path = folder / "results.csv"
    path.write_bytes(data)
    results = read_results(path)
    list(sentences(audit(results), results))


def prevalence(data: bytes, folder: Path) -> None:
    path = folder / "population.csv"
    path.write_bytes(data)
    read_prevalence(path, scheme_of("all"), _dataset())


@cache
def _dataset() -> Dataset:
    folder = Path(mkdtemp(prefix="gz-fuzz-"))
    make_shards(folder)
    (folder / "manifest.json").write_bytes(documents()["manifest"][0])
    return open_dataset(folder)


def make_shards(folder: Path) -> None:
    """Files of zeros in the place of shards, as long as they were."""
    for split in json.loads(documents()["manifest"][0])["splits"].values():
        for shard in split["shards"]:
            if not (folder / shard["file"]).exists():
                (folder / shard["file"]).write_bytes(bytes(shard["bytes"]))


def intervals(data: bytes, folder: Path) -> None:
    """What was learned for a catalogue of predictions; what does not fit is learned again, so it is passed over."""
    path = folder / "catalogue.npz"
    path.write_bytes(data)
    scheme = scheme_of("all")
    fitted = read_fitted(path, MODEL, scheme)
    for scaling, block in zip((fitted and fitted.scalings) or (), scheme.fraction_blocks, strict=False):
        scaling.bounds(scaling.fractions(np.full((2, block.stop - block.start), 0.5)))
    if fitted is not None and fitted.familiar is not None:
        familiar = fitted.familiar
        familiar.quantiles(familiar.distances(np.zeros((2, len(familiar.axes.mean)), np.float32)))
