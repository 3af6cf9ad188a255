"""Which galaxies a data set holds: their ids and folds, without their images."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gzcore.console import reason_of
from gzcore.dataset.layout import CATALOGUE
from gzcore.dataset.making import remake
from gzcore.dataset.tfrecord import HEADER, DamagedRecord
from gzcore.errors import GzError
from gzcore.storage.damage import DAMAGE
from gzcore.storage.places import for_arrow
from gztrain.data.dataset import Dataset
from gztrain.data.fast_parse import split_record
from gztrain.data.selection import Selection, select

_COLUMNS = ["id_str", "split", "fold", "verdict"]


def galaxies_of(dataset: Dataset, split: str) -> dict[str, int]:
    """The galaxies of a split by their ids, each with its fold; -1 in the test split.

    They stand in catalogue.parquet. A folder without one is read record by record; a damaged record has no id.

    Args:
        dataset: an opened data set.
        split: ``train`` or ``test``.

    Raises:
        GzError: the catalogue or a shard cannot be read.
    """
    table = read_catalogue(dataset, _COLUMNS)
    if table is None:
        return dict(_ids_of_records(dataset, split))
    chosen = table.filter(pc.and_(pc.equal(table["split"], split), pc.not_equal(table["verdict"], "rejected")))
    return dict(zip(chosen["id_str"].to_pylist(), chosen["fold"].to_pylist(), strict=True))


def read_catalogue(dataset: Dataset, columns: list[str] | None = None) -> pa.Table | None:
    """The catalogue of a data set, a row a galaxy, rejected ones too; None where the folder has none.

    Args:
        dataset: an opened data set.
        columns: names of the columns to read; None: all.

    Raises:
        GzError: it cannot be read.
    """
    path: Any = dataset.place / CATALOGUE
    try:
        return pq.read_table(for_arrow(path), columns=columns)
    except FileNotFoundError:
        return None
    except DAMAGE as error:
        raise GzError(
            f"{path} cannot be read ({reason_of(error)}), so it is not known which galaxies are in {dataset.place}; "
            f"{remake(dataset.place)}: it makes what is damaged."
        ) from None


def _ids_of_records(dataset: Dataset, split: str) -> Iterator[tuple[str, int]]:
    selection = select(dataset, split)
    for number, shard in enumerate(selection.shards):
        for galaxy in _ids_of_shard(selection, number):
            yield galaxy, shard.fold


def _ids_of_shard(selection: Selection, number: int) -> Iterator[str]:
    places = np.flatnonzero((selection.shard == number) & (selection.length >= 0))
    with selection.shards[number].path.open("rb") as file:
        for place in places:
            file.seek(int(selection.offset[place]) + HEADER.size)
            try:
                yield split_record(file.read(int(selection.length[place])), selection.widths)[0].id
            except DamagedRecord:
                continue
