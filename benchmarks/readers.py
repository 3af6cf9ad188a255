"""Who reads: ours, bare decoding, other loaders; each a process of its own that reads when it is told."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from contestants import ENVIRONMENTS, HERE
from watch import ALL_CORES, last_cores

from gztrain.environment import ALLOCATOR


@dataclass(frozen=True, slots=True)
class Loader:
    """Something that turns stored galaxies into batches of pixels.

    Attributes:
        name: its name in the results.
        about: a few words for the table.
        script: the program, below benchmarks/.
        words: its arguments between the folder of materials and the number of records.
        records: how many it reads at a time.
        cores: how many cores it may use.
        environment: whose Python runs it; None: ours.
    """

    name: str
    about: str
    script: str
    words: tuple[str, ...]
    records: int = 10_000
    cores: int = 1
    environment: str | None = None

    @property
    def python(self) -> Path:
        """The Python that runs it."""
        return Path(sys.executable) if self.environment is None else ENVIRONMENTS / self.environment / "bin" / "python"

    def command(self, materials: Path, records: int) -> list[str]:
        """The command line of its process."""
        return [str(self.python), str(HERE / self.script), str(materials), *self.words, str(records)]


def _feed(name: str, about: str, reader: str, threads: int = 1) -> Loader:
    return Loader(name, about, "feeds.py", (reader, str(threads)), cores=threads)


def _files(name: str, about: str, records: int) -> Loader:
    return Loader(name, about, "peers/file_loaders.py", (name,), records)


def _crops(name: str, about: str) -> Loader:
    return Loader(name, about, "peers/crop_loaders.py", (name,), 4000, environment="loaders")


NATIVE = _feed("native", "our native reader", "native")
NATIVE_TWO = _feed("native-two-threads", "our native reader, 2 threads, 2 cores", "native", 2)
LOOP = _feed("decode-simplejpeg", "a bare simplejpeg loop, from memory", "simplejpeg")
LOOP_TWO = _feed("decode-simplejpeg-two-threads", "two such loops, 2 cores", "simplejpeg", 2)
TF = _feed("tf", "our tf reader", "tf")
TF_TWO = _feed("tf-two-threads", "our tf reader, 2 threads, 2 cores", "tf", 2)
TF_LOOP = _feed("decode-tensorflow", "tf.data decode and batch, from memory", "tensorflow")
TF_ACCURATE = _feed("decode-tensorflow-accurate", "the same with our decoding (accurate DCT)", "tensorflow-accurate")
GALAXY_DATASETS = _files("galaxy-datasets-resized", "galaxy-datasets, 424 px files to 224 px", 1000)
GALAXY_DATASETS_424 = _files("galaxy-datasets", "galaxy-datasets, 424 px files as they are", 2000)
KERAS_FRAMES = _files("keras-frames", "Keras' directory loader, 424 px files to 224 px", 2000)
KERAS_CROPS = _files("keras-crops", "Keras' directory loader, 224 px files", 2000)
HF = _crops("hf-datasets", "HuggingFace datasets, its decoding")
HF_SIMPLEJPEG = _crops("hf-datasets-simplejpeg", "HuggingFace datasets and simplejpeg")
WEBDATASET = _crops("webdataset", "webdataset, its decoding")
WEBDATASET_SIMPLEJPEG = _crops("webdataset-simplejpeg", "webdataset and simplejpeg")
GRAIN = _crops("grain-array-record", "grain, array_record and simplejpeg")

OURS = (NATIVE, LOOP, TF, TF_LOOP, TF_ACCURATE, NATIVE_TWO, LOOP_TWO, TF_TWO)
PEERS = (
    GALAXY_DATASETS,
    GALAXY_DATASETS_424,
    KERAS_FRAMES,
    KERAS_CROPS,
    HF,
    HF_SIMPLEJPEG,
    WEBDATASET,
    WEBDATASET_SIMPLEJPEG,
    GRAIN,
)


class Pass(NamedTuple):
    """One reading: records, seconds, CPU seconds."""

    records: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def cpu_rate(self) -> float:
        """Records a second of CPU time: what a busy machine distorts least."""
        return self.records / self.cpu_seconds


class Process:
    """A loader that waits to be told to read."""

    def __init__(self, loader: Loader, process: "subprocess.Popen[str]") -> None:
        self.loader = loader
        self._process = process

    def read(self) -> Pass:
        """Let it read once, and wait."""
        self._say("\n")
        return Pass(*json.loads(self._answer()))

    def wait_ready(self) -> None:
        """Wait until it has read once, to warm up."""
        self._answer()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process.stdout is not None  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.loader.name} ended with {self._process.wait()}")
        return line


@contextmanager
def started(loaders: Sequence[Loader], materials: Path, share: float) -> Iterator[list[Process]]:
    """Start everyone, each on cores of its own kind and under one allocator setting, and end them afterwards.

    Args:
        loaders: who.
        materials: what make_materials made.
        share: of the records that each usually reads.
    """
    processes: list[subprocess.Popen[str]] = []
    settings = os.environ | ALLOCATOR | {"PYTHONPATH": str(HERE)}
    with (materials / "said.txt").open("w") as log:
        try:
            waiting = []
            for loader in loaders:
                command = loader.command(materials, round(loader.records * share))
                os.sched_setaffinity(0, last_cores(loader.cores))
                processes.append(
                    subprocess.Popen(  # noqa: S603
                        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=settings
                    )
                )
                waiting.append(Process(loader, processes[-1]))
                waiting[-1].wait_ready()  # one after the other, so that none slows the start of another
            yield waiting
        finally:
            os.sched_setaffinity(0, ALL_CORES)
            for process in processes:
                process.kill()
                process.wait()
