"""Build a data set of 13 views with tensorflow-datasets and Beam: `tfds_beam.py IMAGES OUT COUNT VIEWS`.

VIEWS is ours, encoded or albumentations (see tfds_builder.py).
Beam's runner is the in-process FnApiRunner, as everywhere here: tfds' own default is a switch that would first look for
another one on the network.
"""

import os
import sys
from pathlib import Path

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # before it is imported: it would ask the network for its newest version
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import cv2
import tensorflow_datasets as tfds
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tfds_builder import Galaxies, encoded_views, fast_views, plain_views

VIEWS = {"ours": fast_views, "encoded": encoded_views, "albumentations": plain_views}


def main() -> None:
    """Build."""
    images, out, count, views = sys.argv[1:]
    cv2.setNumThreads(1)
    Galaxies.paths = [Path(line) for line in Path(images).read_text().splitlines()][: int(count)]
    Galaxies.views_of = staticmethod(VIEWS[views])
    builder = Galaxies(data_dir=out)
    config = tfds.download.DownloadConfig(beam_runner=FnApiRunner(), try_download_gcs=False)
    builder.download_and_prepare(download_config=config)
    written = builder.info.splits["train"].num_examples
    if written != 13 * len(Galaxies.paths):
        raise SystemExit(f"{written} examples of {len(Galaxies.paths)} galaxies")


if __name__ == "__main__":
    main()
