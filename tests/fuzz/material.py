"""Valid documents of every kind that is read, made by the code that writes them."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import simplejpeg

from gzcore.images import decode
from gzcore.recipe.named import recipes_of
from gzprep.catalogue.surveys import survey_files
from gzprep.config import Recipe
from gzprep.images.as_pipeline import as_yaml, built_in_pipeline
from gzprep.simulate import simulate
from gzprep.tools.convert.folder import convert
from gzprep.tools.convert.plan import Request
from gztrain.config import TrainConfig, as_mapping
from gztrain.data.labels import Floats
from gztrain.evaluation.model_card import FORMAT as CARD_FORMAT
from gztrain.predict.catalogue.doubt import find_familiar
from gztrain.predict.catalogue.fitted_file import FORMAT, Fitted, write_fitted
from gztrain.predict.catalogue.intervals import LEVEL, Scaling
from gztrain.predict.catalogue.picture import STATISTICS, find_usual
from gztrain.predict.embeddings.file import Origin, as_table
from gztrain.runs.history import History, HistoryLine
from gztrain.training.checkpoint import Checkpoints, Snapshot
from gztrain.training.schedule import Progress
from tests.gztrain.models.timm_files import torch_bytes
from tests.gztrain.run_folders import told_run
from tests.gztrain.synthetic import scheme_of
from tests.running import SMALL, gzprep

Documents = dict[str, list[bytes]]
LABELS = ("ring", "kind", "bar_yes", "bar_no")
"""Columns of labels of a user's own catalogue."""
MODEL = "0" * 64
"""SHA-256 of a model that intervals were learned for."""


@cache
def documents() -> Documents:
    """Valid documents, by the name of a target."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        simulate(folder / "sky", 40, seed=3)
        result = gzprep("run", "--data", folder / "sky", "--out", folder / "out", "--workers", "1", *SMALL)
        assert result.code == 0, result.err
        told_run(folder / "run", folder / "out", splits=("val", "test"))
        return {
            **_of_sky(folder / "sky"),
            **_of_dataset(folder / "out"),
            **_of_run(folder / "run"),
            **_of_recipes(),
            **_of_sources(folder / "sky"),
            **_of_conversion(folder),
            **_of_tables(),
            **_of_features(folder),
        }


def _of_sky(sky: Path) -> Documents:
    catalogue = pq.read_table(sky / "gz2_train_catalog.parquet")
    text = io.BytesIO()
    pc.write_csv(catalogue.slice(0, 4), text)
    images = [_small(path) for path in sorted((sky / "images").rglob("*.jpg"))[:3]]
    return {
        "catalogue_csv": [text.getvalue(), text.getvalue().replace(b",", b";"), text.getvalue().replace(b'"', b"")],
        "catalogue_parquet": [(sky / "gz2_train_catalog.parquet").read_bytes(), _odd_parquet(catalogue)],
        "image": [*images, *_pngs()],
    }


def _small(path: Path) -> bytes:
    """The middle of an image, as a small JPEG."""
    pixels = decode(path.read_bytes())[180:220, 180:228]
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), 90, "RGB", "420"))


def _odd_parquet(catalogue: pa.Table) -> bytes:
    """The same catalogue, written in other ways that parquet has."""
    file = io.BytesIO()
    pq.write_table(catalogue.slice(0, 4), file, compression="none", use_dictionary=False, version="1.0")
    return file.getvalue()


def _pngs() -> list[bytes]:
    from PIL import Image

    rng, made = np.random.default_rng(0), []
    for mode, channels in (("RGB", 3), ("RGBA", 4), ("L", 1)):
        file = io.BytesIO()
        pixels = rng.integers(0, 256, (24, 20, channels), np.uint8).squeeze()
        Image.fromarray(pixels, mode).save(file, "PNG")
        made.append(file.getvalue())
    return made


def _of_dataset(out: Path) -> Documents:
    from gzcore.dataset.tfrecord import read_records

    shards = [path.read_bytes() for path in sorted(out.glob("*.tfrecord-*")) if path.stat().st_size]
    records = [record for shard in shards for record in read_records(io.BytesIO(shard))]
    return {
        "tfrecord": shards[:3],
        "example": records[:3],
        "manifest": [(out / "manifest.json").read_bytes()],
        "plan": [(out / ".gzprep" / "plan.json").read_bytes()],
    }


def _of_run(run: Path) -> Documents:
    history = run / "line.csv"
    History(history).write(HistoryLine("whole", 1, 1, 0.1, 0.5, None, None, 10.0, 0.1))
    checkpoints = Checkpoints(run / "checkpoint")
    checkpoints.save(Snapshot(Progress(), (np.zeros(3, np.float32),), (np.ones((2, 2), np.float32),)))
    return {
        "run_config": [(run / "config.json").read_bytes()],
        "metrics": [(run / "metrics.json").read_bytes()],
        "history": [(run / "history.csv").read_bytes(), history.read_bytes()],
        "predictions": [(run / "predictions-test.parquet").read_bytes()],
        "checkpoint": [checkpoints.last.read_bytes()],
    }


def _of_recipes() -> Documents:
    texts = {
        f"{package}_recipe": [path.read_bytes() for path in recipes_of(package).values()]
        for package in ("gzprep", "gztrain")
    }
    pairs = (b"crop.size=64", b"views.count=2", b"defects.black_line.policy=keep", b"seed=1", b'images.folder="a"')
    others = (b"model.name=vit", b"optimizer.rate=1e-3", b"augment.zoom=[0.9,1.1]", b"loss.name=focal", b"seed=1")
    return {**texts, "gzprep_setting": [*pairs], "gztrain_setting": [*others]}


def _of_sources(sky: Path) -> Documents:
    """Surveys, own labels, and images that do not lie in files of their own."""
    own = pa.table(
        {
            "name": ["a1", "a2", "a3"],
            "picture": ["x/a1.jpg", "a2.jpg", "a3.png"],
            "ring": [0, 1, None],
            "kind": ["disk", "bulge", "disk"],
            "bar_yes": [3, 0, 12],
            "bar_no": [1, 9, 2],
        }
    )
    text = io.BytesIO()
    pc.write_csv(own, text)
    images = [_small(path) for path in sorted((sky / "images").rglob("*.jpg"))[:3]]
    return {
        "survey": [path.read_bytes() for path in survey_files().values()],
        "own_labels_csv": [text.getvalue(), text.getvalue().replace(b",", b";")],
        "own_labels_parquet": [_parquet(own)],
        "fits": [_fits(1), _fits(3), gzip.compress(_fits(3))],
        "tar": [_tar(images)],
        "parquet_images": [*_image_tables(images)],
        "pipeline": [_PIPELINE, as_yaml(built_in_pipeline(Recipe().views, 16)).encode()],
    }


_PIPELINE = b"""__version__: 2.0.8
transform:
  __class_fullname__: Compose
  transforms:
  - {__class_fullname__: HorizontalFlip, p: 0.5}
  - {__class_fullname__: GaussNoise, std_range: [0.1, 0.2], p: 1.0}
  - {__class_fullname__: CenterCrop, height: 16, width: 16, p: 1.0}
"""


def _parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def _fits(planes: int) -> bytes:
    from astropy.io import fits

    numbers = np.random.default_rng(0).random((planes, 20, 24), np.float32).squeeze()
    file = io.BytesIO()
    fits.PrimaryHDU(numbers, fits.Header({"BANDS": "grz"})).writeto(file)
    return file.getvalue()


def _tar(images: list[bytes]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as file:
        for number, image in enumerate(images, start=1):
            member = tarfile.TarInfo(f"some/{number}.jpg")
            member.size = len(image)
            file.addfile(member, io.BytesIO(image))
    return whole.getvalue()


def _image_tables(images: list[bytes]) -> Iterator[bytes]:
    names = [str(number) for number in range(1, len(images) + 1)]
    rows = [{"bytes": image, "path": f"{name}.jpg"} for name, image in zip(names, images, strict=True)]
    yield _parquet(pa.table({"id_str": names, "image": rows}))
    yield _parquet(pa.table({"path": [f"{name}.jpg" for name in names], "picture": images}))


def _of_conversion(folder: Path) -> Documents:
    convert(folder / "out", folder / "converted", Request("parquet"), workers=1)
    record = (folder / "converted" / "gzprep.json").read_bytes()
    return {"converted": [record], "convert_note": [json.dumps(json.loads(record)["files"][0]).encode()]}


def _of_tables() -> Documents:
    return {
        "published": [
            b"model,scheme,accuracy,precision,recall,f1,auc\nvit,q0,0.9,0.8,0.7,0.75,0.9\ncnn,q0,0.5,0.5,1,0.66,0.5\n",
            b"network,question,tp,tn,fp,fn,columns\na,q0,10,20,3,4,1\nb,q0,11,19,4,3,1\n",
        ],
        "prevalence": [
            b"label,share\nsmooth-or-featured-gz2_smooth,0.4\nbar-gz2_yes,0.1\n",
            b"label,share\nhow-rounded-gz2_round,0.3\nhow-rounded-gz2_in-between,0.6\nhow-rounded-gz2_cigar,0.1\n",
        ],
    }


def _of_features(folder: Path) -> Documents:
    """Weights of torch, embeddings, and what was learned for a catalogue of predictions."""
    rng = np.random.default_rng(0)
    features = rng.random((12, 5), np.float32)
    table = as_table(Origin("run", "small", 5, 16, all_sides=False), list(map(str, range(12))), features, [b"x"] * 12)
    return {
        "torch_file": [
            torch_bytes({"a": features, "b": np.arange(3)}),
            torch_bytes({"c": np.zeros((2, 3), np.float16)}),
        ],
        "embeddings": [_parquet(table)],
        "model_card": [json.dumps(_said(), indent=1).encode()],
        "intervals": [*_learned(folder / "catalogue.npz", features)],
    }


def _said() -> dict[str, Any]:
    figures = {"accuracy": [0.8, 0.7, 0.9], "auc_macro": [0.8, None, None]}
    return {
        "format": CARD_FORMAT,
        "weights_sha256": MODEL,
        "data": {"name": "out", "data_hash": MODEL, "recipe_hash": MODEL},
        "config": as_mapping(TrainConfig()),
        "backend": "tensorflow",
        "versions": {"keras": "3.15"},
        "ensemble": False,
        "figures": {"val": figures},
    }


def _learned(path: Path, features: Floats) -> Iterator[bytes]:
    told = {"format": FORMAT, "model": MODEL, "level": LEVEL, "method": "conformal", "usual_votes": 40.0}
    coverage = {"held": 0.9, "votes": 30, "galaxies": 12, "per_question": {}}
    widths = [block.stop - block.start for block in scheme_of("all").fraction_blocks]
    scalings = tuple(Scaling(1.0, np.zeros(width), np.ones(width), 12) for width in widths)
    for familiar in (find_familiar([features], features[:4]), None):
        picture = familiar and find_usual(np.zeros((6, STATISTICS)), np.ones((2, STATISTICS)))
        write_fitted(path, Fitted(scalings, familiar, 40.0, {**told, "coverage": familiar and coverage}, picture))
        yield path.read_bytes()


if __name__ == "__main__":
    for kind, examples in documents().items():
        print(kind, [len(example) for example in examples])  # noqa: T201
