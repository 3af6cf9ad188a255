"""Records that cannot be used: the run stops at the first, or leaves them out and counts them."""

from dataclasses import dataclass, field

from gzcore.errors import GzError
from gztrain.data.order import Places
from gztrain.data.selection import Selection

_SHOWN = 5


@dataclass(frozen=True)
class Damage:
    """The damaged records that a reader met.

    Attributes:
        skip: go on without them.
        records: (name of the shard, number of the record from 1) and what is wrong with it.
    """

    skip: bool = False
    records: dict[tuple[str, int], str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.records)

    def report(self, selection: Selection, place: int, why: str) -> None:
        """Note that the record at a place cannot be used.

        Raises:
            GzError: such records are not to be skipped.
        """
        shard, number = selection.shards[selection.shard[place]], int(selection.number[place]) + 1
        if not self.skip:
            raise GzError(
                f"Record {number} of {shard.records} in the shard {shard.path} cannot be used: {why}. Run gzprep run "
                f"--out {shard.path.parent} again, which makes damaged shards anew, or go on without such records with "
                "--skip-damaged."
            )
        self.records[shard.path.name, number] = why

    def find_lost(self, selection: Selection, places: Places) -> None:
        """Report the records, at some places, that the index could not reach.

        Raises:
            GzError: there is one, and such records are not to be skipped.
        """
        for place in sorted(places[selection.length[places] < 0].tolist()):
            lost = selection.lost[int(selection.shard[place])]
            self.report(selection, place, lost.reason(int(selection.number[place])))

    def sentence(self) -> str:
        """How many records were left out, and the first few of them; empty where none was."""
        if not self.records:
            return ""
        shown = [f"{shard}, record {number}: {why}" for (shard, number), why in sorted(self.records.items())[:_SHOWN]]
        more = f"; and {len(self) - _SHOWN} more" if len(self) > _SHOWN else ""
        return f"{len(self)} damaged records were left out ({'; '.join(shown)}{more})."
