"""Cut one view of each galaxy with img2dataset into webdataset shards: `img2dataset_files.py IMAGES OUT COUNT`.

It knows no views beside the one; `center_crop` scales the frame to the crop's size. URLs are file://.
"""

import os
import sys
from pathlib import Path

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # before it is imported: it would ask the network for its newest version

import pyarrow as pa
import pyarrow.parquet as pq
from img2dataset import download

CROP, QUALITY = 224, 90


def main() -> None:
    """Run it, with one process as we have one, and check that no image was lost."""
    images, out, count = sys.argv[1:]
    paths = [Path(line).resolve() for line in Path(images).read_text().splitlines()][: int(count)]
    folder = Path(out)
    folder.mkdir(parents=True)
    table = pa.table({"url": [path.as_uri() for path in paths], "id": [str(at) for at in range(len(paths))]})
    pq.write_table(table, folder / "urls.parquet")
    download(
        url_list=str(folder / "urls.parquet"),
        input_format="parquet",
        url_col="url",
        save_additional_columns=["id"],
        output_folder=str(folder / "shards"),
        output_format="webdataset",
        image_size=CROP,
        resize_mode="center_crop",
        encode_quality=QUALITY,
        processes_count=1,
        thread_count=4,
        number_sample_per_shard=1000,
        enable_wandb=False,
    )
    written = sum(pq.read_metadata(part).num_rows for part in (folder / "shards").glob("*.parquet"))
    cut = sum(
        pq.read_table(part)["status"].to_pylist().count("success") for part in (folder / "shards").glob("*.parquet")
    )
    if not cut == written == len(paths):
        raise SystemExit(f"{cut} images of {len(paths)}")


if __name__ == "__main__":
    main()
