"""A data set from a program: what is read is the same by every way, and what cannot be had is told in a sentence."""

import inspect
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gztrain
from gzcore.errors import GzError, UsageError
from gztrain.api import show
from gztrain.data import open_reader, order, select
from gztrain.data.dataset import choose_scheme
from gztrain.data.dataset import open_dataset as open_folder
from gztrain.data.labels import true_labels
from tests.gztrain.shards import FIRST, copied, replace_record, spoil_image

KEYS = ["fraction", "id", "image", "labels", "mask", "view", "votes"]


@pytest.fixture(scope="module")
def data(dataset: Path) -> gztrain.GalaxyDataset:
    return gztrain.open_dataset(dataset)


@pytest.fixture(scope="module")
def train(data: gztrain.GalaxyDataset) -> gztrain.GalaxySelection:
    return data.select("train", folds=[1, 2, 3, 4], views=2, scheme="reduced", labels="asked")


def joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Several batches as one."""
    return {key: np.concatenate([part[key] for part in parts]) for key in KEYS}


def stacked(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Records as a batch, as Grain and PyTorch make one."""
    return {key: np.stack([np.asarray(sample[key]) for sample in samples]) for key in KEYS}


def unstacked(batch: dict[str, Any]) -> list[dict[str, Any]]:
    """A batch as records."""
    return [{key: values[row] for key, values in batch.items()} for row in range(len(batch["id"]))]


def check_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert sorted(one) == sorted(other) == KEYS
    for key in KEYS:
        assert one[key].dtype == other[key].dtype, key
        np.testing.assert_array_equal(one[key], other[key], err_msg=key)


@pytest.fixture(scope="module")
def shuffled(train: gztrain.GalaxySelection) -> list[dict[str, Any]]:
    """All batches of one order."""
    return list(train.batches(16, shuffle=True, seed=3, epoch=1))


# ---------------------------------------------------------------- the same by every way


def test_batches_are_those_of_the_reader(
    dataset: Path, train: gztrain.GalaxySelection, shuffled: list[dict[str, Any]]
) -> None:
    folder = open_folder(dataset)
    records = select(folder, "train", [1, 2, 3, 4], 2)
    places = order(3, 1, len(records))
    batches = list(open_reader("native").batches(records, places, 16))
    assert len(batches) == len(shuffled) == -(-len(train) // 16)
    for ours, batch in zip(shuffled, batches, strict=True):
        labels, mask = true_labels(batch, choose_scheme(folder, "reduced"), "asked", 5, "mask")
        np.testing.assert_array_equal(ours["image"], batch.images)
        np.testing.assert_array_equal(ours["labels"], labels)
        np.testing.assert_array_equal(ours["mask"], mask)
        np.testing.assert_array_equal(ours["fraction"], batch.fractions)
        np.testing.assert_array_equal(ours["votes"], batch.votes)
        assert ours["id"].tolist() == list(batch.ids)
        assert ours["view"].tolist() == batch.views.tolist()


WAYS: dict[str, Callable[[gztrain.GalaxySelection, list[int]], list[dict[str, Any]]]] = {
    "one by one": lambda train, places: [train[place] for place in places],
    "as a batch": lambda train, places: unstacked(train[places]),
    "as an array of places": lambda train, places: unstacked(train[np.array(places)]),
    "several at once": lambda train, places: train.__getitems__(places),
    "for PyTorch": lambda train, places: [train.to_torch()[np.int64(place)] for place in places],
    "from the end": lambda train, places: [train[place - len(train)] for place in places],
    "by four threads": lambda train, places: list(ThreadPoolExecutor(4).map(train.__getitem__, places)),
    "sent to a worker": lambda train, places: [pickle.loads(pickle.dumps(train))[place] for place in places],  # noqa: S301
}


@pytest.mark.parametrize("way", WAYS)
def test_records_are_those_of_the_batches(
    way: str, train: gztrain.GalaxySelection, shuffled: list[dict[str, Any]]
) -> None:
    places = order(3, 1, len(train)).tolist()[:32]
    check_equal(stacked(WAYS[way](train, places)), joined(shuffled[:2]))


def test_tf_data_gives_the_batches_with_nan_for_masked_labels(
    train: gztrain.GalaxySelection, shuffled: list[dict[str, Any]]
) -> None:
    stream = train.to_tf(16, shuffle=True, seed=3, epoch=1)
    assert int(stream.cardinality()) == len(shuffled)
    for (images, labels), batch in zip(stream.as_numpy_iterator(), shuffled, strict=True):
        np.testing.assert_array_equal(images, batch["image"])
        assert labels.dtype == np.float32
        np.testing.assert_array_equal(np.isnan(labels), batch["mask"] == 0)
        np.testing.assert_array_equal(np.nan_to_num(labels), batch["labels"])
    second = next(iter(stream.as_numpy_iterator()))[0]
    np.testing.assert_array_equal(second, next(train.batches(16, shuffle=True, seed=3, epoch=2))["image"])


def test_a_record_in_another_process_is_read_from_files_of_its_own(
    train: gztrain.GalaxySelection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a fork, a lock of the parent may stay shut."""
    before, opened = train[0], dict(train._records._files)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    np.testing.assert_array_equal(train[0]["image"], before["image"])
    assert train._records._files[-1] not in opened.values()


def test_all_arrays_can_be_written(train: gztrain.GalaxySelection) -> None:
    """PyTorch warns of others."""
    for arrays in (next(train.batches(4)), train[0]):
        assert all(value.flags.writeable for value in arrays.values() if isinstance(value, np.ndarray))


@pytest.mark.parametrize(("drop", "batches"), [(False, 3), (True, 2)], ids=["kept", "left out"])
def test_the_last_batch_is_short_or_left_out(data: gztrain.GalaxyDataset, drop: bool, batches: int) -> None:  # noqa: FBT001
    test = data.select("test")
    batch = (len(test) - 1) // 2
    sizes = [len(part["id"]) for part in test.batches(batch, drop_last=drop)]
    assert len(sizes) == batches
    shapes = [images.shape[0] for images, _ in test.to_tf(batch, drop_last=drop).as_numpy_iterator()]
    assert shapes == sizes


@pytest.mark.parametrize("folds", [np.int64(1), np.array([1]), {1}, (np.int8(1),)], ids=repr)
def test_folds_may_come_from_numpy(data: gztrain.GalaxyDataset, folds: Any) -> None:
    chosen = data.select(folds=folds, min_votes=np.int64(3), views=np.int8(0))
    assert chosen.folds == [1]
    assert len(chosen) == len(data.select(folds=1))


def test_a_selection_is_a_sequence(train: gztrain.GalaxySelection) -> None:
    assert len([galaxy["id"] for galaxy in train]) == len(train)
    for place in (len(train), -len(train) - 1):
        with pytest.raises(IndexError, match="this selection has"):
            train[place]
    with pytest.raises(TypeError):
        train["0"]
    assert train[-2:]["id"].tolist() == [train[-2]["id"], train[-1]["id"]]
    with pytest.raises(IndexError, match="1 record or more"):
        train[5:5]


def test_a_selection_says_what_it_is_and_gives_it_again(dataset: Path, train: gztrain.GalaxySelection) -> None:
    """Grain compares these texts when it goes on from a checkpoint."""
    again = eval(repr(train), {"open_dataset": gztrain.open_dataset})  # noqa: S307
    assert repr(again) == repr(train) == repr(pickle.loads(pickle.dumps(train)))  # noqa: S301
    assert (train.scheme, train.labels, train.folds, train.views) == ("reduced", "asked", [1, 2, 3, 4], 2)
    assert len(train.label_names) == len(train[0]["labels"]) == 8
    assert str(dataset) in repr(train)


def test_labels_follow_the_policy_and_the_votes(data: gztrain.GalaxyDataset) -> None:
    asked, report = (joined(list(data.select(labels=policy).batches())) for policy in ("asked", "report"))
    strict = joined(list(data.select(min_votes=20).batches()))
    loose = joined(list(data.select(min_votes=1, ties="keep").batches()))
    assert report["mask"].all()
    assert 0 < strict["mask"].sum() < asked["mask"].sum() < loose["mask"].sum() < asked["mask"].size


# ---------------------------------------------------------------- the data set


def test_a_data_set_is_opened_by_text_path_or_itself(dataset: Path, data: gztrain.GalaxyDataset) -> None:
    assert gztrain.open_dataset(str(dataset)).place == gztrain.open_dataset(dataset).place == dataset
    assert gztrain.open_dataset(data) is data
    assert os.fspath(data) == str(dataset)


def test_what_a_data_set_says(data: gztrain.GalaxyDataset) -> None:
    assert [question.index for question in data.questions] == list(range(11))
    assert len(data.schemes) == 14
    assert data.schemes["reduced"] == data.select(scheme="reduced").label_names
    assert (data.folds, data.views, data.crop) == ((0, 1, 2, 3, 4), 2, 64)
    assert len(data.fraction_names) == len(data.select()[0]["fraction"])


def test_the_catalogue_is_a_table(data: gztrain.GalaxyDataset) -> None:
    catalogue = data.catalogue()
    assert type(catalogue).__module__.startswith("pandas")
    assert len(catalogue) == 40
    assert (catalogue["verdict"] == "rejected").sum() == 40 - len(data.select("train")) - len(data.select("test"))


REFUSED: dict[str, tuple[Callable[[gztrain.GalaxyDataset], Any], type[Exception], str]] = {
    "split": (lambda data: data.select("val"), UsageError, "no split 'val'"),
    "fold": (lambda data: data.select(folds=[7]), UsageError, "no fold 7"),
    "views": (lambda data: data.select(views=12), UsageError, "--views 12 was asked for"),
    "views of test": (lambda data: data.select("test", views=1), UsageError, "test none"),
    "scheme": (lambda data: data.select(scheme="most"), UsageError, "no scheme 'most'"),
    "policy": (lambda data: data.select(labels="all"), UsageError, "no label policy 'all'"),
    "no debiased labels": (lambda data: data.select(labels="debiased"), UsageError, "no labels for --labels debiased"),
    "ties": (lambda data: data.select(ties="draw"), UsageError, "no way 'draw' with ties"),
    "batch": (lambda data: data.select().batches(0), UsageError, "batch takes a whole number, 1 or more; got 0"),
    "batch of tf.data": (
        lambda data: data.select().to_tf(0),
        UsageError,
        "batch takes a whole number, 1 or more; got 0",
    ),
    "threads": (
        lambda data: data.select().batches(1, threads=0),
        UsageError,
        "threads takes a whole number, 1 or more; got 0",
    ),
    "no number": (lambda data: data.select().batches("32"), UsageError, "1 or more; got '32'"),
    "half a record": (lambda data: data.select().to_tf(1.5), UsageError, "1 or more; got 1.5"),
    "keyword": (
        lambda data: data.select().batches(suffle=True),
        UsageError,
        "no keyword 'suffle'; did you mean shuffle",
    ),
    "keyword of tf.data": (lambda data: data.select().to_tf(sed=1), UsageError, "no keyword 'sed'; did you mean seed"),
    "keyword of select": (lambda data: data.select(fold=0), UsageError, "no keyword 'fold'; did you mean folds"),
    "id": (lambda data: data.select()["587"], TypeError, "by their places, 0 to .*; got '587'"),
    "half a place": (lambda data: data.select()[1.5], TypeError, "by their places, 0 to .*; got 1.5"),
    "text for a fold": (lambda data: data.select(folds="0"), UsageError, "folds takes a whole number or several"),
    "a mask of folds": (lambda data: data.select(folds=[True, False]), UsageError, "folds takes a whole number or sev"),
    "true for a fold": (lambda data: data.select(folds=np.True_), UsageError, "folds takes a whole number or several"),
    "a size twice": (
        lambda data: data.select().batches(batch=3, batch_size=5),
        UsageError,
        "batches takes batch and batch_size for the same; leave one of them out",
    ),
    "no votes": (lambda data: data.select(min_votes=None), UsageError, "min_votes takes a whole number; got None"),
    "half a view": (lambda data: data.select(views=0.5), UsageError, "views takes a whole number; got 0.5"),
    "mask": (lambda data: data.select()[[True, False]], TypeError, "numpy.flatnonzero makes places of a mask"),
    "mask of numpy": (lambda data: data.select()[np.array([True, False])], TypeError, "True and False name no record"),
    "mask of one": (lambda data: data.select()[True], TypeError, "True and False name no record"),
    "text among places": (lambda data: data.select()[[0, "a"]], TypeError, "by their places, 0 to .*; got 'a'"),
    "half a place among places": (lambda data: data.select()[[0, 1.5]], TypeError, "by their places, .*; got 1.5"),
    "nothing among places": (lambda data: data.select().__getitems__([None]), TypeError, "places, .*; got None"),
    "a table of places": (
        lambda data: data.select()[np.array([[0, 1], [2, 3]])],
        TypeError,
        r"by their places, 0 to .*; got array\(\[0, 1\]\)",
    ),
    "a column of places": (lambda data: data.select()[np.array([[0], [1]])], TypeError, "by their places"),
    "a slice of texts": (lambda data: data.select()["a":"b"], TypeError, "by their places, .*; got slice"),
    "a slice without steps": (lambda data: data.select()[::0], TypeError, "by their places, .*; got slice"),
    "no folds": (lambda data: data.select(folds=[]), UsageError, r"folds is \[\], which chooses no galaxy"),
    "no folds of numpy": (lambda data: data.select(folds=np.array([], int)), UsageError, "which chooses no galaxy"),
    "true for a batch": (
        lambda data: data.select().batches(batch=True),
        UsageError,
        "batch takes .*; got True",
    ),
    "a batch of true for tf.data": (lambda data: data.select().to_tf(np.True_), UsageError, "batch takes a whole"),
    "several batches": (lambda data: data.select().batches(np.array([1, 2])), UsageError, "batch takes a whole number"),
    "text for a seed": (lambda data: data.select().batches(seed="a"), UsageError, "seed takes a whole number; got 'a'"),
    "half a seed": (lambda data: data.select().to_tf(seed=0.5), UsageError, "seed takes a whole number; got 0.5"),
    "no epoch": (lambda data: data.select().batches(epoch=None), UsageError, "epoch takes a whole number; got None"),
    "half an epoch": (lambda data: data.select().to_tf(epoch=0.5), UsageError, "epoch takes a whole number; got 0.5"),
    "text for threads": (lambda data: data.select().batches(threads="4"), UsageError, "threads takes .*; got '4'"),
    "true for threads": (lambda data: data.select().batches(threads=True), UsageError, "threads takes .*; got True"),
    "no thread of tf.data": (lambda data: data.select().to_tf(threads=0), UsageError, "threads takes .*; got 0"),
    "a number for a folder": (lambda _: gztrain.open_dataset(5), UsageError, "a path or an address; got 5"),
    "bytes for a folder": (lambda _: gztrain.open_dataset(b"a"), UsageError, "a path or an address; got b'a'"),
    "folder": (lambda _: gztrain.open_dataset("nowhere"), GzError, "no dataset folder nowhere"),
    "address": (lambda _: gztrain.open_dataset("http://a/b"), UsageError, "not supported"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_had_is_told_in_a_sentence(name: str, data: gztrain.GalaxyDataset) -> None:
    call, kind, words = REFUSED[name]
    with pytest.raises(kind, match=words):
        call(data)


def test_a_batch_has_the_name_that_other_libraries_give_it(train: gztrain.GalaxySelection) -> None:
    assert len(next(iter(train.batches(batch_size=3)))["id"]) == 3


def test_help_shows_each_keyword_with_its_default() -> None:
    for method in (gztrain.GalaxySelection.batches, gztrain.GalaxySelection.to_tf):
        shown = inspect.signature(method).parameters
        assert {name: shown[name].default for name in ("batch", "shuffle", "seed", "epoch")} == {
            "batch": 64,
            "shuffle": False,
            "seed": 0,
            "epoch": 0,
        }


def test_a_catalogue_that_is_gone_is_told(dataset: Path, tmp_path: Path) -> None:
    folder = copied(dataset, tmp_path / "data")
    (folder / "catalogue.parquet").unlink()
    with pytest.raises(GzError, match=r"no catalogue\.parquet"):
        gztrain.open_dataset(folder).catalogue()


# ---------------------------------------------------------------- damage


def test_a_damaged_record_is_an_error_or_is_left_out_and_told(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(dataset, tmp_path / "data")
    replace_record(folder / FIRST, 1, spoil_image)
    fold = gztrain.open_dataset(folder).select("train", folds=0)
    with pytest.raises(GzError, match="Record 2 of"):
        list(fold.batches(4))
    with pytest.raises(GzError, match="Record 2 of"):
        fold[1]
    rest = gztrain.open_dataset(folder).select("train", folds=0, skip_damaged=True)
    assert sum(len(part["id"]) for part in rest.batches(4)) == len(fold) - 1
    assert "1 damaged records were left out" in capsys.readouterr().err
    assert sum(len(images) for images, _ in rest.to_tf(4).as_numpy_iterator()) == len(fold) - 1


# ---------------------------------------------------------------- what a notebook shows


def test_a_notebook_shows_facts_and_galaxies(data: gztrain.GalaxyDataset, train: gztrain.GalaxySelection) -> None:
    assert "0, 1, 2, 3, 4" in data._repr_html_()
    assert train._repr_html_().count("<img") == 8
    assert len(train._repr_html_()) < 60_000


def test_names_are_text_in_html() -> None:
    page = show.panel("<b>\x1b[31m", {"<i>": "a & b"})
    assert all(text in page for text in ("&lt;b&gt;", "\\x1b[31m", "&lt;i&gt;", "a &amp; b"))
    assert not any(text in page for text in ("<b>", "<i>", "\x1b"))


def test_a_curve_names_its_smallest_value() -> None:
    assert "smallest 0.7000 after epoch 2" in show.curve("validation loss", [0.9, 0.7, 0.8])
    assert show.curve("validation loss", [0.9]) == ""
