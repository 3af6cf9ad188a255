"""``gztrain bench``: samples a second of each stage alone and of the whole, and what to change."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from gzcore.storage.places import Place
from gztrain.config import TrainConfig
from gztrain.data.decode import decode_into
from gztrain.data.fast_parse import split_record
from gztrain.data.order import order
from gztrain.data.shard_files import ShardFiles
from gztrain.data.stream import ahead
from gztrain.training.backends import Learner, load_backend
from gztrain.training.devices import choose_precision, make_step_plan, policy
from gztrain.training.feed import Feed
from gztrain.training.job import TrainingJob, make_job
from gztrain.training.request import TrainRequest

Json = dict[str, Any]

SECONDS = 3.0
"""How long each stage is run."""
_RECORDS = 512
"""Records that single stages go round in."""
_AHEAD = 0.9
"""Galaxies count as ready in time if the whole reaches this share of the step alone."""


@dataclass(frozen=True)
class Rates:
    """Samples a second.

    Attributes:
        read: records out of the shards, checksums checked, one thread.
        parse: features out of records, one thread.
        decode: pixels out of JPEGs, one thread.
        batches: all of that, by as many threads as the reader has.
        to_device: batches onto the device.
        step: training steps on one batch that lies on the device.
        whole: training steps on batches from the shards.
    """

    read: float
    parse: float
    decode: float
    batches: float
    to_device: float
    step: float
    whole: float


def bench(config: TrainConfig, data: Place, seconds: float = SECONDS) -> Json:
    """Measure a data set and a config on this machine; nothing is written.

    Raises:
        GzError: the data set cannot be used.
        UsageError: the config asks for what does not exist.
    """
    from gztrain.training.fit import make_feed

    job = make_job(TrainRequest(data, Path(), config))
    feed = make_feed(job)
    learner, devices = make_learner(job)
    input_rates = measure_input(job, feed, seconds)
    device_rates = measure_device(feed, learner, seconds)
    rates = Rates(**input_rates, **device_rates)
    settings = {"model": config.model.name, "crop": job.dataset.crop, "size": config.model.size}
    return {
        "samples_per_second": {name: round(rate, 1) for name, rate in asdict(rates).items()},
        "bottleneck": bottleneck(rates),
        "advice": advice(rates),
        **settings,
        "batch": config.stages.batch,
        "devices": list(devices),
        "seconds": seconds,
    }


def make_learner(job: TrainingJob) -> tuple[Learner, tuple[str, ...]]:
    """A model as the first stage trains it, and the devices it is on."""
    from gztrain.models import build
    from gztrain.training.fit import make_task
    from gztrain.training.optimizer import make_optimizer, make_rate

    backend, config = load_backend(), job.config
    plan = make_step_plan(backend, config.compute, config.optimizer, config.stages.batch)
    stage = job.stages[0]
    with backend.spread(plan.devices), policy(choose_precision(backend, config.compute)):
        galaxy = build(config.model, job.dataset.crop, job.training_loss.outputs)
        if galaxy.backbone is not None:
            galaxy.backbone.trainable = not stage.frozen
        rate = make_rate(config.optimizer, stage.rate, stage.epochs, 1000)
        optimizer = make_optimizer(config.optimizer, rate, galaxy.body.trainable_variables)
        return backend.make_learner(make_task(job, galaxy), optimizer, plan), plan.devices


def measure_input(job: TrainingJob, feed: Feed, seconds: float) -> dict[str, float]:
    """Rates of what happens before the device, each stage on what the one before left in memory."""
    places = order(job.config.seed, 0, len(job.training))[:_RECORDS].tolist()
    pixels = np.empty((job.dataset.crop, job.dataset.crop, 3), np.uint8)
    widths = job.training.widths
    with ShardFiles(job.training) as files:
        records = [files.read(place) for place in places]
        images = [split_record(record, widths)[1] for record in records]
        return {
            "read": rate_of(files.read, places, seconds),
            "parse": rate_of(lambda record: split_record(record, widths), records, seconds),
            "decode": rate_of(lambda image: decode_into(pixels, image), images, seconds),
            "batches": feed.batch * rate_over(endless(feed), seconds),
        }


def measure_device(feed: Feed, learner: Learner, seconds: float) -> dict[str, float]:
    """Rates of what happens on the device, and of the whole."""
    arrays = next(feed.epoch(0)).arrays
    placed = learner.put(arrays)
    float(np.asarray(learner.train(placed)))  # compiled now, not while the clock runs
    to_device = rate_of(lambda batch: wait_for(learner.put(batch)), [arrays], seconds)
    step = rate_of_steps(learner, cycle([placed]), seconds)
    with ahead(endless(feed), learner.put) as batches:
        whole = rate_of_steps(learner, batches, seconds)
    return {"to_device": feed.batch * to_device, "step": feed.batch * step, "whole": feed.batch * whole}


def endless(feed: Feed) -> Iterator[Any]:
    """The batches of epoch after epoch."""
    epoch = 0
    while True:
        yield from (fed.arrays for fed in feed.epoch(epoch))
        epoch += 1


def rate_of(function: Callable[[Any], Any], items: list[Any], seconds: float) -> float:
    """Calls a second, going round the items."""
    return rate_over((function(item) for item in cycle(items)), seconds)


def rate_over(items: Iterator[Any], seconds: float) -> float:
    """Items a second; the first is not counted: it waits for whatever has to start."""
    next(items)
    began, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < seconds or not count:
        next(items)
        count += 1
    return count / max(spent, 1e-9)


def rate_of_steps(learner: Learner, batches: Iterator[Any], seconds: float) -> float:
    """Steps a second; the clock stops when the last one has been computed, not when it was asked for."""
    for batch in islice(batches, 2):
        loss = learner.train(batch)
    float(np.asarray(loss))
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds or not count:
        loss = learner.train(next(batches))
        count += 1
        if count % 8 == 0:
            float(np.asarray(loss))  # so that the queue of the device stays short
    float(np.asarray(loss))
    return count / (time.perf_counter() - began)


def wait_for(placed: Any) -> None:  # noqa: ANN401 -- whatever a backend puts onto its devices
    """Wait until arrays lie where they are put."""
    for array in placed if isinstance(placed, tuple) else (placed,):
        getattr(array, "block_until_ready", bool)()


def bottleneck(rates: Rates) -> str:
    """Name what the whole waits for: the step, or the slowest stage before it."""
    if rates.whole >= _AHEAD * rates.step or rates.batches >= rates.step <= rates.to_device:
        return "step"
    if rates.to_device < rates.batches:
        return "to_device"
    single = {"read": rates.read, "decode": rates.decode, "parse": rates.parse}
    return min(single, key=single.__getitem__)


_ADVICE: Mapping[str, str] = {
    "step": (
        "The device is the bottleneck, as it should be: a step takes {step:.0f} samples/s, and galaxies are ready "
        "{ready:.1f} times as fast. To go faster: a smaller --size, --precision bfloat16 where the device has it, "
        "--jit on, or another device."
    ),
    "decode": (
        "Decoding is the bottleneck: galaxies are ready at {batches:.0f} samples/s, a step would take {step:.0f}. "
        "Use more --threads on more cores, or prepare a smaller crop (gzprep run --crop)."
    ),
    "read": (
        "Reading the shards is the bottleneck: {read:.0f} records/s by one thread, a step would take {step:.0f}. "
        "Copy the data set to a faster, or to a local, disk."
    ),
    "parse": (
        "Parsing records is the bottleneck: {parse:.0f} records/s by one thread, a step would take {step:.0f}. "
        "Try --reader tf, which parses outside Python."
    ),
    "to_device": (
        "The way to the device is the bottleneck: {to_device:.0f} samples/s, a step would take {step:.0f}. "
        "Prepare a smaller crop (gzprep run --crop), so that less has to travel."
    ),
}


def advice(rates: Rates) -> str:
    """One sentence that names the bottleneck, and says what to change."""
    return _ADVICE[bottleneck(rates)].format(**asdict(rates), ready=rates.batches / rates.step)
