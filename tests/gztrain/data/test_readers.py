"""Readers: the same batches from every reader with any number of threads, and no thread left behind."""

import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.dataset.example import parse_record
from gzcore.errors import UsageError
from gztrain.data import READERS, Batch, Selection, draws, open_reader, order, select, shard_files
from gztrain.data.buffers import ImageBuffers
from gztrain.data.dataset import open_dataset
from gztrain.data.native_reader import NativeReader
from gztrain.data.tf_reader import TfReader
from tests.gz2 import WIDTHS
from tests.gztrain.shards import check_same, everything, records_of
from tests.running import ROOT, SMALL, gzprep

checked = settings(deadline=None, derandomize=True, max_examples=25)


@pytest.fixture(scope="module")
def training(dataset: Path) -> Selection:
    return select(open_dataset(dataset), "train", views=2)


@pytest.fixture(scope="module")
def expected(training: Selection) -> list[Batch]:
    """One epoch, read by one thread."""
    return everything(
        open_reader("native", threads=1, prefetch=0), training, order(5, 2, len(training)), seed=5, epoch=2
    )


def test_a_batch_is_what_the_records_say(training: Selection, expected: list[Batch]) -> None:
    records = {}
    for shard in training.shards:
        parsed = [parse_record(record, WIDTHS) for record in records_of(shard.path)]
        records |= {(record.id, record.view): record for record in parsed}
    for batch in expected:
        for at in range(len(batch)):
            record = records[batch.ids[at], int(batch.views[at])]
            pixels = cv2.imdecode(np.frombuffer(record.image, np.uint8), cv2.IMREAD_COLOR_RGB)
            assert np.abs(batch.images[at].astype(int) - pixels).max() <= 2  # OpenCV has another version of the decoder
            np.testing.assert_array_equal(batch.fractions[at], record.fraction)
            np.testing.assert_array_equal(batch.votes[at], record.votes)
            for name in ("label_asked", "label_report", "mask"):
                np.testing.assert_array_equal(getattr(batch, name)[at], getattr(record, name))


def test_shapes_and_types(expected: list[Batch]) -> None:
    batch, b = expected[0], len(expected[0])
    assert {
        name: (value.shape, str(value.dtype)) for name, value in vars(batch).items() if isinstance(value, np.ndarray)
    } == {
        "images": ((b, 64, 64, 3), "uint8"),
        "views": ((b,), "int64"),
        "fractions": ((b, 32), "float32"),
        "votes": ((b, 11), "float32"),
        "label_asked": ((b, 22), "int64"),
        "label_report": ((b, 22), "int64"),
        "mask": ((b, 22), "int64"),
        "places": ((b,), "int64"),
        "draws": ((b, 6), "float32"),
    }


def test_records_come_in_the_order_they_are_asked_for(training: Selection, expected: list[Batch]) -> None:
    places = np.concatenate([batch.places for batch in expected])
    np.testing.assert_array_equal(places, order(5, 2, len(training)))
    assert [len(batch) for batch in expected[:-1]] == [7] * (len(expected) - 1)
    assert sum(map(len, expected)) == len(training)
    for batch in expected:
        np.testing.assert_array_equal(batch.draws, draws(5, 2, batch.places))


def test_labels_of_a_policy(expected: list[Batch]) -> None:
    batch = expected[0]
    asked, mask = batch.labels("asked")
    report, ones = batch.labels("report")
    assert asked is batch.label_asked
    assert mask is batch.mask
    assert report is batch.label_report
    assert ones.shape == mask.shape
    assert ones.dtype == np.int64
    assert ones.all()
    assert not mask.all()
    with pytest.raises(UsageError, match="no label policy 'all'; choose one of asked, report"):
        batch.labels("all")


# ---------------------------------------------------------------- the same from every reader


@pytest.mark.parametrize("name", ["native", "tf"])
@pytest.mark.parametrize(("threads", "prefetch"), [(1, 0), (1, 2), (2, 1), (5, 3)])
def test_threads_and_readers_change_nothing(
    name: str, threads: int, prefetch: int, training: Selection, expected: list[Batch]
) -> None:
    reader = open_reader(name, threads=threads, prefetch=prefetch)
    check_same(everything(reader, training, order(5, 2, len(training)), seed=5, epoch=2), expected)


@pytest.mark.slow
@checked
@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 50), st.integers(0, 9), st.integers(0, 9))
def test_readers_agree_on_any_places(training: Selection, places: list[int], batch: int, seed: int, epoch: int) -> None:
    wanted = np.array(places, np.int64)
    native = everything(open_reader("native", threads=2), training, wanted, batch, seed=seed, epoch=epoch)
    tf = everything(open_reader("tf", threads=2), training, wanted, batch, seed=seed, epoch=epoch)
    check_same(native, tf)
    assert list(itertools.chain.from_iterable(part.places.tolist() for part in native)) == places


@pytest.mark.parametrize("name", ["native", "tf"])
@pytest.mark.parametrize("done", [1, 3])
def test_an_epoch_goes_on_where_it_was_left(name: str, done: int, training: Selection, expected: list[Batch]) -> None:
    rest = order(5, 2, len(training))[7 * done :]
    check_same(everything(open_reader(name, threads=2), training, rest, seed=5, epoch=2), expected[done:])


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["png", "jpeg"])
def test_images_are_the_same_from_either_reader(encoding: str, small_sky: Path, tmp_path: Path) -> None:
    """JPEGs too, to the last bit: both decode with the accurate integer DCT and smooth upsampling."""
    options = (
        *SMALL,
        "--limit",
        "12",
        "--views",
        "1",
        "--set",
        f"crop.encoding={encoding}",
        "--set",
        "crop.quality=70",
    )
    assert gzprep("run", "--data", small_sky, "--out", tmp_path / "out", *options).code == 0
    chosen = select(open_dataset(tmp_path / "out"), "train", views=1)
    native, tf = (everything(open_reader(name, threads=2), chosen) for name in ("native", "tf"))
    check_same(native, tf)
    first = parse_record(records_of(chosen.shards[int(chosen.shard[0])].path)[0], WIDTHS)
    assert first.image.startswith(b"\x89PNG" if encoding == "png" else b"\xff\xd8\xff")
    assert len({batch.images.tobytes() for batch in native}) == len(native)


@pytest.mark.parametrize("name", ["native", "tf"])
def test_no_places_give_no_batches(name: str, training: Selection) -> None:
    assert everything(open_reader(name), training, np.array([], np.int64)) == []


def test_more_shards_than_may_stay_open(
    training: Selection, expected: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_files, "_KEPT_OPEN", 2)
    assert len(training.shards) > 2
    check_same(everything(open_reader("native"), training, order(5, 2, len(training)), seed=5, epoch=2), expected)


# ---------------------------------------------------------------- what is left behind


def open_files() -> set[str]:
    links = (f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd"))  # noqa: PTH208
    return {os.readlink(link) for link in links if os.path.exists(link)}  # noqa: PTH110, PTH115


def threads_of_python() -> set[threading.Thread]:
    """Threads that Python started. One of TensorFlow's pool shows as a dummy, and may end at any time."""
    return {thread for thread in threading.enumerate() if not isinstance(thread, threading._DummyThread)}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
@pytest.mark.parametrize("leave", ["close", "forget", "exhaust"])
@pytest.mark.parametrize("name", ["native", "tf"])
def test_nothing_is_left_of_an_epoch(name: str, leave: str, training: Selection) -> None:
    before, opened = threads_of_python(), open_files()
    batches = open_reader(name, threads=3).batches(training, order(0, 0, len(training)), 4)
    next(batches)
    if leave == "close":
        batches.close()  # type: ignore[attr-defined]
    elif leave == "exhaust":
        list(batches)
    del batches
    gc.collect()
    assert threads_of_python() <= before
    assert not [path for path in open_files() - opened if "tfrecord" in path]


def test_memory_is_used_again(training: Selection) -> None:
    """At most prefetch + 2 batches have memory: those ahead, the next one, and the one in the consumer's hand."""
    taken: list[int] = []

    class Counting(ImageBuffers):
        def _block(self, size: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
            taken.extend([size] if not self._free else [])
            return super()._block(size)

    reader = NativeReader(threads=2, prefetch=2, buffers=Counting())
    for epoch in range(3):
        for batch in reader.batches(training, order(0, epoch, len(training)), 5):
            del batch
    assert 1 <= len(taken) <= 4


def test_a_part_of_a_batch_keeps_its_memory(training: Selection, expected: list[Batch]) -> None:
    """A slice of a batch keeps its pixels, however many batches come after."""
    reader = open_reader("native", threads=2)
    places = order(5, 2, len(training))
    held = [batch.images[2:4][:, 1:] for batch in reader.batches(training, places, 7, seed=5, epoch=2)]
    for part, batch in zip(held, expected, strict=True):
        np.testing.assert_array_equal(part, batch.images[2:4][:, 1:])


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("name", ["native", "tf"])
def test_an_interrupt_ends_it(name: str, training: Selection) -> None:
    """A real SIGINT, in the middle of an epoch that is far from its end."""
    before = threads_of_python()
    batches = open_reader(name, threads=2).batches(training, np.resize(order(0, 0, len(training)), 10**6), 8)

    def read() -> None:
        for number, _ in enumerate(batches):
            if number == 3:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        read()
    batches.close()  # type: ignore[attr-defined]
    assert threads_of_python() <= before


# ---------------------------------------------------------------- which reader


WITHOUT = """
import sys
sys.modules["tensorflow"] = None
from pathlib import Path
import numpy as np
from gztrain.data.dataset import open_dataset
from gztrain.data import open_reader, select

selection = select(open_dataset(Path(sys.argv[1])))
print(sum(len(batch) for batch in open_reader("auto").batches(selection, np.arange(len(selection)), 8)))
"""


@pytest.mark.slow
def test_auto_needs_no_tensorflow(dataset: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(dataset)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert int(done.stdout) == len(select(open_dataset(dataset)))


def test_a_reader_by_name() -> None:
    assert READERS == ("auto", "tf", "native")
    assert isinstance(open_reader(), NativeReader)
    assert isinstance(open_reader("native"), NativeReader)
    assert isinstance(open_reader("tf"), TfReader)
    assert open_reader().damage.skip is False
    assert open_reader("tf", skip_damaged=True).damage.skip is True


def test_a_reader_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="no reader 'fast'; choose one of auto, tf, native"):
        open_reader("fast")
    with pytest.raises(UsageError, match="1 thread or more and a prefetch of 0 or more; got 0 and 2"):
        open_reader(threads=0)
    with pytest.raises(UsageError, match="got 1 and -1"):
        open_reader(threads=1, prefetch=-1)
