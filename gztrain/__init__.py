"""gztrain: from the shards that gzprep wrote to a classifier that can be judged.

>>> import gztrain
>>> data = gztrain.open_dataset("gz2-shards")
>>> train = data.select("train", folds=[1, 2, 3, 4], views=2, scheme="reduced", labels="asked")
>>> for batch in train.batches(64, shuffle=True, seed=0):
...     images, labels, mask = batch["image"], batch["labels"], batch["mask"]
>>> run = gztrain.fit(data, run="first", size=16, epochs=1, fine_tune_epochs=0, views=0, overwrite=True)
>>> votes = run.predict("gz2-sky/images")

``open_dataset`` opens a data set; see GalaxyDataset and GalaxySelection for what can be done with it. ``fit`` trains,
and ``open_run`` opens what it made; see TrainedRun. MaskedBinaryCrossentropy is a Keras loss for a loop of your own.
An error that you can mend is a GzError, in one sentence; UsageError is one kind of it. Everything is loaded when it is
first used.

After ``import gztrain``, Keras can load the model of a run: ``keras.saving.load_model("RUN/model.keras")``.
"""

import sys

from gzcore import __version__ as __version__

TYPE_CHECKING = False  # as typing has it, which takes too long to import: Ctrl-C must be heard from the first moment
if TYPE_CHECKING:
    from gzcore.errors import GzError, UsageError
    from gztrain.api.galaxies import GalaxyDataset, open_dataset
    from gztrain.api.runs import Metrics, TrainedRun, fit, open_run
    from gztrain.api.selection import GalaxySelection
    from gztrain.models.masked_loss import MaskedBinaryCrossentropy

__all__ = [
    "GalaxyDataset",
    "GalaxySelection",
    "GzError",
    "MaskedBinaryCrossentropy",
    "Metrics",
    "TrainedRun",
    "UsageError",
    "fit",
    "open_dataset",
    "open_run",
]
_PUBLIC = {
    "gzcore.errors": ("GzError", "UsageError"),
    "gztrain.api.galaxies": ("GalaxyDataset", "open_dataset"),
    "gztrain.api.runs": ("Metrics", "TrainedRun", "fit", "open_run"),
    "gztrain.api.selection": ("GalaxySelection",),
    "gztrain.models.masked_loss": ("MaskedBinaryCrossentropy",),
}
"""Public names, and the modules that they are in."""


class _LayersWhenAsked:
    """Waits until keras is looked for. Until then nothing is imported: the command line must start at once."""

    _asked = False

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        """Look for keras with the finder that imports our layers, too; leave all other modules to other finders."""
        if name != "keras" or self._asked:
            return None
        self._asked = True
        from gztrain.environment import register_layers

        register_layers()
        return sys.meta_path[0].find_spec(name, path, target)  # type: ignore[arg-type]


if "keras" in sys.modules:
    from gztrain.environment import register_layers

    register_layers()
else:
    sys.meta_path.insert(0, _LayersWhenAsked())  # type: ignore[arg-type]


def __getattr__(name: str) -> object:
    """Load what is asked for."""
    for module, names in _PUBLIC.items():
        if name in names:
            from importlib import import_module

            value: object = getattr(import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
