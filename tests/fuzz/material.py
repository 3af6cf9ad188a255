"""Valid documents of every kind that is read, made by the code that writes them."""

import io
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import simplejpeg

from gzcore.images import decode
from gzcore.recipe.named import recipes_of
from gzprep.simulate import simulate
from gztrain.runs.history import History, HistoryLine
from gztrain.training.checkpoint import Checkpoints, Snapshot
from gztrain.training.schedule import Progress
from tests.gztrain.run_folders import told_run
from tests.running import SMALL, gzprep

Documents = dict[str, list[bytes]]


@cache
def documents() -> Documents:
    """Valid documents, by the name of a target."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        simulate(folder / "sky", 40, seed=3)
        result = gzprep("run", "--data", folder / "sky", "--out", folder / "out", "--workers", "1", *SMALL)
        assert result.code == 0, result.err
        told_run(folder / "run", folder / "out", splits=("val", "test"))
        return {**_of_sky(folder / "sky"), **_of_dataset(folder / "out"), **_of_run(folder / "run"), **_of_recipes()}


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


if __name__ == "__main__":
    for kind, examples in documents().items():
        print(kind, [len(example) for example in examples])  # noqa: T201
