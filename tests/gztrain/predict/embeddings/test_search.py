"""Axes, nearest rows and strangeness, against plain calculations on numbers made up; the map and the pages."""

import json
import warnings
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzcore.errors import GzError, UsageError
from gztrain.predict.catalogue.doubt import find_familiar
from gztrain.predict.embeddings import file as files
from gztrain.predict.embeddings.explore import draw_map, outliers, similar, spread_out
from gztrain.predict.embeddings.file import Embeddings, Origin, as_table
from gztrain.predict.embeddings.search import find_axes, nearest, strangeness

WIDTH = 6
ORIGIN = Origin("run", "small", WIDTH, 64, all_sides=True)
PICTURE = b"\xff\xd8\xff\xd9"


def numbers(rows: int = 300, seed: int = 0) -> np.ndarray:
    """Features whose scales differ by a thousand, far from zero."""
    mixed = np.random.default_rng(seed).normal(size=(rows, WIDTH)) * np.logspace(-1, 2, WIDTH)
    return (mixed @ np.linalg.qr(np.random.default_rng(1).normal(size=(WIDTH, WIDTH)))[0] + 1000).astype(np.float32)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "CHUNK", 64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path, numbers())


def write(folder: Path, features: np.ndarray, names: list[str] | None = None) -> Path:
    path = folder / "emb.parquet"
    names = names or [f"g{place}" for place in range(len(features))]
    pq.write_table(as_table(ORIGIN, names, features, [PICTURE] * len(features)), path, row_group_size=100)
    return path


def test_axes_are_those_of_numpy() -> None:
    features = numbers().astype(np.float64)
    axes = find_axes(np.array_split(features.astype(np.float32), 7))
    variances = np.linalg.eigvalsh(np.cov(features.T, bias=True))[::-1]
    np.testing.assert_allclose(axes.spread**2, variances[: len(axes.spread)], rtol=1e-4)
    np.testing.assert_allclose(axes.mean, features.mean(0), rtol=1e-7)
    whitened = axes.whiten(features.astype(np.float32))
    np.testing.assert_allclose(whitened.std(0), 1, atol=1e-2)


def test_two_axes_at_least_are_kept_even_where_all_rows_are_equal() -> None:
    axes = find_axes([np.ones((5, WIDTH), np.float32)])
    assert axes.axes.shape[1] >= 2
    assert np.isfinite(axes.whiten(np.ones((5, WIDTH), np.float32))).all()


def test_the_nearest_rows_are_those_of_a_sort_over_all(path: Path) -> None:
    features = numbers()
    with Embeddings(path) as file:
        axes = find_axes(file.features())
        places, distances = nearest(file, axes, features[[3, 250]], 12)
    whitened = axes.whiten(features).astype(np.float64)
    for query, row, found in zip((3, 250), places, distances, strict=True):
        expected = np.sqrt(((whitened - whitened[query]) ** 2).sum(1))
        assert row[0] == query
        np.testing.assert_allclose(found[1:], np.sort(expected)[1:12], rtol=1e-3)
        np.testing.assert_allclose(expected[row], np.sort(expected)[:12], rtol=1e-3, atol=1e-3)


def test_strangeness_is_far_from_the_middle_along_any_axis(path: Path) -> None:
    with Embeddings(path) as file:
        axes = find_axes(file.features())
        found = strangeness(file, axes)
    whitened = axes.whiten(numbers()).astype(np.float64)
    np.testing.assert_allclose(found, (whitened**4).mean(1) ** 0.25, rtol=1e-4)


# ------------------------------------------------------------ commands


def test_similar_names_the_nearest_and_leaves_the_galaxy_itself_out(tmp_path: Path) -> None:
    features = numbers()
    features[17] = features[200]  # a copy under another id
    half = tmp_path / f".{'0' * 32}.page.html"
    half.touch()  # as a command leaves it that was killed
    found = similar(write(tmp_path, features), name="g200", number=5, html=tmp_path / "page.html")
    assert found["of"] == "g200"
    assert len(found["nearest"]) == 5
    assert found["nearest"][0]["id"] == "g17"
    assert found["nearest"][0]["distance"] < 0.01
    assert all(entry["id"] != "g200" for entry in found["nearest"])
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 6
    assert not half.exists()


def test_outliers_begin_with_the_one_that_was_planted(tmp_path: Path) -> None:
    features = numbers()
    features[42] += 5 * features.std(0)
    found = outliers(write(tmp_path, features), number=3, html=tmp_path / "page.html")
    assert found["strangest"][0]["id"] == "g42"
    assert found["galaxies"] == 300
    assert found["strangest"][0]["share"] == pytest.approx(1 / 300, abs=1e-6)


def test_the_map_holds_every_galaxy_and_escapes_its_id(tmp_path: Path) -> None:
    names = [f"g{place}" for place in range(299)] + ["</script><b>x"]
    found = draw_map(write(tmp_path, numbers(), names), tmp_path / "map.html")
    page = (tmp_path / "map.html").read_text()
    points = json.loads(page.split('id="points">')[1].split("</script>")[0])
    assert found["shown"] == len(points) == 300
    assert points[-1][0] == "</script><b>x"
    assert "<b>x" not in page
    assert all(0 <= x <= 1 and 0 <= y <= 1 for _, x, y, _ in points)
    assert 0 < found["variance"] <= 1


@given(rows=st.integers(1, 400), most=st.integers(1, 100), seed=st.integers(0, 5))
def test_a_map_of_many_has_at_most_as_many_as_asked_each_once(rows: int, most: int, seed: int) -> None:
    plane = np.random.default_rng(seed).normal(size=(rows, 2)).astype(np.float32)
    names = [str(place) for place in range(rows)]
    chosen = spread_out(plane, names, most)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == rows if rows <= most else 1 <= len(chosen) <= most


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param({}, "with --id, or an image with --image", id="nothing"),
        pytest.param({"name": "g1", "image": Path("x.jpg")}, "one of them", id="both"),
        pytest.param({"name": "h1"}, "There is no galaxy 'h1' in .*; ids look like 'g0'", id="unknown"),
    ],
)
def test_what_similar_cannot_do_is_told(options: dict[str, object], sentence: str, path: Path) -> None:
    with pytest.raises(UsageError, match=sentence):
        similar(path, **options)  # type: ignore[arg-type]


def test_what_is_no_file_of_embeddings_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no file"):
        outliers(tmp_path / "absent.parquet")
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(UsageError, match="is no file of embeddings"):
        outliers(tmp_path / "text.parquet")
    with pytest.raises(GzError, match="has 2 galaxies; three are needed"):
        outliers(write(tmp_path, numbers(2)))


@pytest.mark.parametrize("size", [1e11, 1e-30], ids=str)
def test_features_of_absurd_size_give_numbers_without_a_warning(tmp_path: Path, size: float) -> None:
    features = numbers()
    features[3] *= np.float32(size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = outliers(write(tmp_path, features), number=5)["strangest"]
        far = find_familiar([numbers()], features).distances(np.full((1, WIDTH), 1e38, np.float32))
        lost = find_familiar([numbers()], features).distances(np.full((1, WIDTH), np.inf, np.float32))
    assert found[0]["id"] == "g3"
    assert all(np.isfinite(entry["distance"]) for entry in found)
    assert np.isfinite(far).all()
    assert np.isnan(lost).all()
