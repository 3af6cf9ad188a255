"""A catalogue of real runs: rows in its order, images that are not there, an interrupted command."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.errors import UsageError
from gztrain.predict.catalogue import make
from gztrain.predict.catalogue.make import CatalogueRequest, make_catalogue, notes
from gztrain.predict.catalogue.rows import NOT_FOUND
from gztrain.predict.catalogue.source import find_images, ids_of, open_source
from tests.gztrain.run_folders import untrained_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, dataset: Path) -> Path:
    return untrained_run(tmp_path_factory.mktemp("run") / "r", dataset).root


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory, small_sky: Path) -> Path:
    """Five galaxies of the sky, and one without an image."""
    table = pq.read_table(small_sky / "gz2_test_catalog.parquet").slice(0, 5)
    ids = [*table["id_str"].to_pylist(), "lost"]
    folders, files = ([*table[name].to_pylist(), "lost"] for name in ("subfolder", "filename"))
    rows = {
        "id_str": ids,
        "subfolder": folders,
        "filename": files,
        "ra": [1.0] * 6,
        "dec": [2.0] * 6,
        "plate": range(6),
    }
    path = tmp_path_factory.mktemp("catalogue") / "six.parquet"
    pq.write_table(pa.table({name: pa.array(values) for name, values in rows.items()}), path)
    return path


def test_a_row_a_galaxy_and_the_same_bytes_after_an_interruption(
    tmp_path: Path, run: Path, catalogue: Path, small_sky: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "ROW_GROUP", 2)
    once = CatalogueRequest((run,), catalogue, small_sky / "images", tmp_path / "once.parquet", ("plate",))
    counts = make_catalogue(once)
    rows = pq.read_table(once.out)
    assert rows["id"].to_pylist()[-1] == "lost"
    assert rows["plate"].to_pylist() == list(range(6))
    assert rows["reason"].to_pylist() == [""] * 5 + [NOT_FOUND]
    assert (counts["predicted"], counts["not_found"], counts["missing"]) == (5, 1, ["lost"])
    assert "1 have no image" in " ".join(notes(counts, "images"))
    assert rows["feature_distance"].null_count == rows["bar-gz2_asked"].null_count == 1
    again = CatalogueRequest((run,), catalogue, small_sky / "images", tmp_path / "again.parquet", ("plate",))

    def stop(done: list[int]) -> None:
        if sum(done) == 4:
            raise KeyboardInterrupt

    seen: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        make_catalogue(again, lambda number: (seen.append(number), stop(seen)))
    assert not again.out.exists()
    assert make_catalogue(again)["from_before"] == 2
    assert again.out.read_bytes() == once.out.read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_an_ensemble_gives_means_and_their_spread(
    tmp_path: Path, run: Path, catalogue: Path, small_sky: Path, dataset: Path
) -> None:
    other = untrained_run(tmp_path / "other", dataset, seed=1).root
    tables = []
    for number, runs in enumerate([(run,), (other,), (run, other)]):
        out = tmp_path / f"{number}.parquet"
        make_catalogue(CatalogueRequest(runs, catalogue, small_sky / "images", out))
        tables.append(pq.read_table(out).to_pandas())
    one, two, both = tables
    assert not any(name.endswith("_spread") for name in one)
    for name in (name for name in both if name.endswith("_spread")):
        fraction = name.replace("_spread", "_fraction")
        pair = np.stack([one[fraction], two[fraction]])
        np.testing.assert_allclose(both[name], pair.std(0), atol=1e-6)
        np.testing.assert_allclose(both[fraction], pair.mean(0), atol=1e-6)


def test_runs_that_answer_other_questions_make_no_ensemble(
    tmp_path: Path, run: Path, catalogue: Path, small_sky: Path, dataset: Path
) -> None:
    other = untrained_run(tmp_path / "other", dataset, scheme="q0").root
    request = CatalogueRequest((run, other), catalogue, small_sky / "images", tmp_path / "o.csv")
    with pytest.raises(UsageError, match="answer other questions"):
        make_catalogue(request)


def test_images_are_found_by_columns_and_by_id(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,file_loc\n587741000000000001,\n7,some/where/b.png\n8,gone.jpg\n")
    for name in ("587741/587741000000000001.jpg", "b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    source = open_source(tmp_path / "c.csv")
    (rows,) = source.parts(10)
    found = find_images(rows, ids_of(rows, source), tmp_path)
    paths = [image and Path(image.path) for image in found]
    assert paths == [tmp_path / "587741/587741000000000001.jpg", tmp_path / "b.png", None]


@pytest.mark.parametrize(
    ("text", "keep", "message"),
    [("a,b\n1,2\n", (), "does not name its galaxies"), ("id,b\n1,2\n", ("c",), "there is no such column")],
    ids=["no id", "no column"],
)
def test_a_catalogue_that_lacks_something_is_refused(
    tmp_path: Path, text: str, keep: tuple[str, ...], message: str
) -> None:
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        open_source(tmp_path / "c.csv", keep)
