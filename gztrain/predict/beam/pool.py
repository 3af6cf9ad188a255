"""Parts predicted by worker processes of this machine, each with the model and without Beam."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from gzcore.engines.pool import WorkerPool
from gztrain.environment import choose_backend, quiet_imports, uncollected
from gztrain.predict.beam.parts_plan import Part, PartRecord, PredictionJob


def load_classifier(job: PredictionJob) -> Any:  # noqa: ANN401 -- gztrain.predict.beam.part.Classifier, which loads Keras
    """Load Keras, then the model: only where it is used, and never in a launcher."""
    choose_backend()
    with quiet_imports(), uncollected():
        import keras  # else the model would import it, aloud

        from gztrain.predict.beam.part import Classifier
    del keras
    return Classifier(job)


def predict_with(job: PredictionJob, part: Part, classifier: Any) -> PartRecord:  # noqa: ANN401 -- as above
    """Predict a part with a model that was loaded."""
    from gztrain.predict.beam.part import predict_part

    return predict_part(job, part, classifier)


def predict_parts(job: PredictionJob, parts: Sequence[Part], workers: int) -> Iterator[PartRecord]:
    """Predict parts in worker processes; yield their records as they are done.

    A worker is a new Python: a process that has loaded TensorFlow must not be forked.

    Raises:
        GzError: a worker ended before its work, or could not do it.
    """
    with WorkerPool(max(1, min(workers, len(parts))), "spawn") as pool:
        yield from pool.run(_predict, [(job, part) for part in parts])


def _predict(job: PredictionJob, part: Part) -> PartRecord:
    return predict_with(job, part, _classifier(job))


_classifier = functools.cache(load_classifier)
"""The model of a worker process."""
