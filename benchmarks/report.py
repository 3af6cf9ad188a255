"""Time and memory of ``gzprep report``: a sky of 750 galaxies, and 200,000 rows of simulated votes without images.

The rows are drawn down the decision tree: 44 volunteers answer the first question, and those who gave the parent's
answer are asked the next. They stand in ``catalogue.parquet`` of a folder without shards. `--rows` sets how many.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from watch import ALL_CORES, watch

from gzcore.dataset.manifest import read_manifest
from gzcore.dataset.tree import Question
from gzprep.report.rows import questions_of

VOLUNTEERS, BATCH = 44, 20_000


def main() -> None:
    """Print seconds and peak memory of both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as scratch:
        small, large = Path(scratch) / "small", Path(scratch) / "large"
        run = ("run", "--data", sky(Path(scratch)), "--out", small, "--set", "max_reject_share=1")
        subprocess.run([sys.executable, "-m", "gzprep", *map(str, run)], check=True, capture_output=True)  # noqa: S603 -- our own command
        enlarge(small, large, rows)
        for name, folder in (("750 galaxies with images", small), (f"{rows:,} rows without images", large)):
            command = [sys.executable, "-m", "gzprep", "report", str(folder), "--html", str(folder) + "-page"]
            seen = watch(command, ALL_CORES)
            print(f"{name}: {seen.seconds:.1f} s, {seen.peak_mb:.0f} MB")  # noqa: T201


def sky(scratch: Path) -> Path:
    """A sky of 750 simulated galaxies."""
    call = [sys.executable, "-m", "gzprep", "simulate", str(scratch / "sky"), "--galaxies", "750"]
    subprocess.run(call, check=True, capture_output=True)  # noqa: S603 -- our own command
    return scratch / "sky"


def enlarge(small: Path, large: Path, rows: int) -> None:
    """Write a folder like another, with many rows of new votes and without shards."""
    large.mkdir()
    document = json.loads((small / "manifest.json").read_text())
    for split in document["splits"].values():
        split.update(shards=[], records=0, bytes=0)
    (large / "manifest.json").write_text(json.dumps(document))
    shutil.copy(small / "rejects.parquet", large)
    questions = questions_of(read_manifest(small)[0])
    template = pq.read_table(small / "catalogue.parquet")
    with pq.ParquetWriter(large / "catalogue.parquet", template.schema) as writer:
        for start in range(0, rows, BATCH):
            count = min(BATCH, rows - start)
            rng = np.random.default_rng(start)
            table = template.take(pa.array(rng.integers(0, len(template), count)))
            columns = {"id_str": pa.array([str(10**17 + start + number) for number in range(count)])}
            for name, values in {**columns, **dict(votes(questions, count, rng))}.items():
                if name in table.column_names:
                    place = table.column_names.index(name)
                    table = table.set_column(
                        place, template.schema.field(name), values.cast(template.schema.field(name).type)
                    )
            writer.write_table(table)


def votes(questions: tuple[Question, ...], count: int, rng: np.random.Generator) -> Iterator[tuple[str, pa.Array]]:
    """Columns of votes and labels of so many galaxies."""
    given: dict[tuple[str, str], np.ndarray] = {}
    labels, masks = [], []
    for question in questions:
        asked = given[question.parent] if question.parent else np.full(count, VOLUNTEERS)
        opinion = rng.dirichlet(np.full(len(question.answers), 0.7), count)
        counts = rng.multinomial(asked, opinion)
        with np.errstate(invalid="ignore"):
            fractions = counts / asked[:, None]
        for place, answer in enumerate(question.answers):
            given[question.name, answer] = counts[:, place]
            yield question.fraction_columns[place], pa.array(fractions[:, place])
            yield question.columns[place], pa.array(counts[:, place].astype(float))
        yield question.total_column, pa.array(asked.astype(float))
        winner = counts.argmax(axis=1)
        used = len(question.used)
        labels.append((winner[:, None] == np.arange(used)) & (asked > 0)[:, None])
        masks.append(np.repeat((asked > 0)[:, None], used, axis=1))
    for name, parts in (("label_report", labels), ("label_asked", labels), ("mask", masks)):
        yield name, pa.array(list(np.concatenate(parts, axis=1).astype(np.int8)))


if __name__ == "__main__":
    main()
