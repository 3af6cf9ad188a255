"""The dataset folder: names of its files, splits and folds, and the version of its format."""

FORMAT = 1
"""Version of the dataset folder's format; a reader refuses a newer one."""

TRAIN, VIEWS, TEST = "train", "train_views", "test"
"""The splits: view 0 of training galaxies, their augmented views, view 0 of test galaxies."""
SPLITS = (TRAIN, VIEWS, TEST)
FOLDS = 5
"""Folds of the training galaxies: 0 to 4."""
TEST_FOLD = -1
"""The fold of every galaxy of the test split."""

MANIFEST = "manifest.json"
"""The file whose presence says that the folder is whole."""
CATALOGUE = "catalogue.parquet"
"""A row a galaxy, rejected ones too."""
REJECTS = "rejects.parquet"
"""A row a rejected galaxy."""
MERGED = "merged"
"""The name of a data set that ``gzprep merge`` joined from others, with which its shards begin."""
MERGING = ".gzprep/merge.json"
"""There where ``gzprep merge`` writes or has written."""
CARDS = ("dataset_info.json", "features.json", "croissant.json", "README.md")
"""Descriptions for other programs and for people."""


def shard_name(dataset: str, split: str, index: int, count: int) -> str:
    """File name of a shard, as tensorflow-datasets spells it."""
    return f"{dataset}-{split}.tfrecord-{index:05d}-of-{count:05d}"
