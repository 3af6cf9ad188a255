"""gztrain: from the shards that gzprep wrote to a classifier that can be judged. Not built yet."""

__version__ = "0.1.0"
