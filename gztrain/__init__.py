"""gztrain: from the shards that gzprep wrote to a classifier that can be judged."""

__version__ = "0.1.0"
