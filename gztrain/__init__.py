"""gztrain: from the shards that gzprep wrote to a classifier that can be judged.

After ``import gztrain``, Keras can load the model of a run: ``keras.saving.load_model("RUN/model.keras")``.
"""

from gztrain.environment import register_layers

__version__ = "0.1.0"

register_layers()
