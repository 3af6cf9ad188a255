"""gztrain: from the shards that gzprep wrote to a classifier that can be judged.

After ``import gztrain``, Keras can load the model of a run: ``keras.saving.load_model("RUN/model.keras")``.
"""

import sys

__version__ = "0.1.0"


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
