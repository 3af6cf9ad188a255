"""How fast an accelerator trains on shards, against the same steps on synthetic data.

Runs from one command on a bare machine with a GPU and JAX, from a checkout, without TensorFlow:

    python -m pip install keras numpy pydantic pyarrow rich scikit-learn simplejpeg typer opencv-python-headless
    KERAS_BACKEND=jax python benchmarks/gpu.py OUT

OUT is a dataset folder; a few hundred galaxies do, for what counts is that they are read, decoded and sent. Every model
is trained from random weights, all layers, in bfloat16 where the device has it, at the data set's crop (224 px).
``step`` is the rate of training steps on one batch that lies on the device already: synthetic data. ``whole`` is that
on batches from the shards. Bars: whole >= 0.95 of step for ResNet50; ResNet50 >= 2,375 images/s, what an A100 does with
TensorFlow, AMP and XLA. JSON=1: one JSON document. On a CPU use a small batch and size: figures good for nothing but
seeing that it runs.
"""

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
sys.path.insert(0, str(Path(__file__).parent.parent))

MODELS = ("resnet50", "vit-64-12-12")
RESNET_BAR = 2375.0
SHARE_BAR = 0.95


def measure(data: Path, name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Rates of one model, and the largest memory that the device held."""
    from gztrain.config import TrainConfig
    from gztrain.models.spec import ModelSpec
    from gztrain.training.bench import bench

    config = TrainConfig(model=ModelSpec(name=name, weights="none", size=given.size))
    config = replace(config, stages=replace(config.stages, batch=given.batch))
    found = bench(config, data, given.seconds)
    rates = found["samples_per_second"]
    return {
        **found,
        "of_synthetic": round(rates["whole"] / rates["step"], 4),
        "waiting": round(max(0.0, 1 - rates["whole"] / rates["step"]), 4),
        "peak_device_mb": peak_device_mb(),
    }


def peak_device_mb() -> float | None:
    """Largest memory in use on the first device since the start, MB; None where the device does not say."""
    import jax

    stats = jax.local_devices()[0].memory_stats() or {}
    peak = stats.get("peak_bytes_in_use")
    return None if peak is None else round(peak / 1e6, 1)


def describe_device() -> str:
    """What JAX calls the device."""
    import jax

    return f"{len(jax.local_devices())} x {jax.local_devices()[0].device_kind}"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Training speed on an accelerator: shards against synthetic data.")
    parser.add_argument("data", type=Path, metavar="OUT", help="dataset folder")
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--size", type=int, default=None, help="px; absent: the crop")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each stage")
    return parser.parse_args()


def table(document: dict[str, Any]) -> str:
    """The figures as a person reads them."""
    lines = [f"{document['device']}", f"{'model':<18}{'step/s':>10}{'shards/s':>10}{'share':>8}{'waiting':>9}{'MB':>9}"]
    for name, found in document["models"].items():
        rates, memory = found["samples_per_second"], found["peak_device_mb"]
        shown = "" if memory is None else f"{memory:9.0f}"
        row = f"{rates['step']:10.0f}{rates['whole']:10.0f}{found['of_synthetic']:8.3f}{found['waiting']:9.3f}{shown}"
        lines += [f"{name:<18}{row}", f"  {found['advice']}"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print."""
    given = arguments()
    models = {name: measure(given.data, name, given) for name in given.models}
    document = {
        "device": describe_device(),
        "bars": {"of_synthetic": SHARE_BAR, "resnet50": RESNET_BAR},
        "models": models,
    }
    sys.stdout.write(json.dumps(document) + "\n" if os.environ.get("JSON") else table(document))


if __name__ == "__main__":
    main()
