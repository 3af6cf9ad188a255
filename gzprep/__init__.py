"""gzprep: a catalogue and a folder of galaxy images in, cropped TFRecord shards out."""

__version__ = "0.1.0"
