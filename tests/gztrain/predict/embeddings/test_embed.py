"""embed: a row a galaxy, whatever the source; a galaxy has the same features however it lies in the image."""

from pathlib import Path

import keras
import numpy as np
import pytest

from gztrain.models import ModelSpec, build
from gztrain.predict.embeddings.features import embed_batch, feature_model
from gztrain.predict.embeddings.file import Embeddings
from gztrain.runs.folder import open_run
from tests.gztrain.run_folders import untrained_run
from tests.running import gztrain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, dataset: Path) -> Path:
    return untrained_run(tmp_path_factory.mktemp("run") / "r", dataset).root


def test_features_are_what_the_last_layer_decides_from() -> None:
    galaxy = build(ModelSpec("small", size=32), 48, 5)
    images = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 3), dtype=np.uint8)
    features = embed_batch(feature_model(galaxy.model, all_sides=False), images, 4)
    kernel, bias = galaxy.body.get_layer("logits").get_weights()
    np.testing.assert_allclose(galaxy.model.predict_on_batch(images), features @ kernel + bias, atol=1e-4)


def test_a_galaxy_has_the_same_features_in_all_eight_symmetries(run: Path) -> None:
    model = feature_model(open_run(run).model())
    image = np.random.default_rng(0).integers(0, 256, model.input_shape[1:], dtype=np.uint8)
    sides = np.stack([np.rot90(side, turns) for side in (image, image[:, ::-1]) for turns in range(4)])
    features = embed_batch(model, sides, 8)
    np.testing.assert_allclose(
        features, np.broadcast_to(features[0], features.shape), atol=1e-5 * np.abs(features).max()
    )


def test_a_data_set_gives_a_row_a_galaxy_and_the_commands_read_it(run: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "emb.parquet"
    written = gztrain("embed", run, dataset, "--out", out, "--json")
    assert written.code == 0, written.err
    with Embeddings(out) as file:
        ids = file.ids()
        assert len(ids) == len(set(ids)) == written.json["embedded"] == len(file)
    found = gztrain("similar", out, "--id", ids[0], "--number", "3", "--json")
    assert len(found.json["nearest"]) == 3
    strange = gztrain("outliers", out, "--number", "2")
    assert len(strange.out.splitlines()) == 2
    assert gztrain("map", out, "--html", tmp_path / "map.html").code == 0
    keras.backend.clear_session()


def test_images_are_taken_by_path_and_what_cannot_be_used_is_counted(
    run: Path, small_sky: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    some = sorted((small_sky / "images").rglob("*.jpg"))[:3]
    for place, path in enumerate(some):
        (folder / f"{place}.jpg").write_bytes(path.read_bytes())
    (folder / "broken.jpg").write_bytes(b"no")
    out = tmp_path / "emb.parquet"
    written = gztrain("embed", run, folder, "--out", out, "--one-side", "--json")
    assert written.json["unusable"] + written.json["embedded"] == 4
    assert written.json["unusable"] >= 1
    asked = gztrain("similar", out, "--image", folder / "0.jpg", "--number", "1", "--json")
    assert asked.json["nearest"][0]["id"].endswith("0.jpg")
    assert asked.json["nearest"][0]["distance"] < 0.05
