"""Write data sets as the package datasets (5.2) writes them, with pyarrow alone."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
FEATURES: dict[str, Any] = {
    "image": {"_type": "Image"},
    "label": {"names": ["cat", "a/b", ".."], "_type": "ClassLabel"},
}


def rows_of(
    images: Sequence[Any], features: Mapping[str, Any], **columns: Sequence[Any]
) -> pa.Table:
    """Return rows with the features in the metadata of their schema."""
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    arrays = {"image": pa.array(images, IMAGE)}
    arrays |= {name: pa.array(values) for name, values in columns.items()}
    return pa.table(arrays).replace_schema_metadata(metadata)


def save_to_disk(rows: pa.Table, folder: Path, num_shards: int = 1, **state: Any) -> None:
    """Write one data set: Arrow streams, state.json and dataset_info.json."""
    folder.mkdir(parents=True)
    names = []
    length = -(-rows.num_rows // num_shards)
    for number in range(num_shards):
        names.append(f"data-{number:05d}-of-{num_shards:05d}.arrow")
        part = rows.slice(number * length, length)
        path = str(folder / names[-1])
        with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, part.schema) as writer:
            writer.write_table(part, max_chunksize=3)
    written = {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": "0123456789abcdef",
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
        **state,
    }
    (folder / "state.json").write_text(json.dumps(written, indent=2, sort_keys=True))
    features = json.loads(rows.schema.metadata[b"huggingface"])["info"]["features"]
    info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
    (folder / "dataset_info.json").write_text(json.dumps(info, indent=2))


def save_dict(splits: Mapping[str, pa.Table], folder: Path, num_shards: int = 1) -> None:
    """Write several data sets, each a split."""
    for name, rows in splits.items():
        save_to_disk(rows, folder / name, num_shards)
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))


def save_parquet(splits: Mapping[str, pa.Table], folder: Path, rows_a_group: int = 4) -> None:
    """Write Parquet files as push_to_hub names them."""
    (folder / "data").mkdir(parents=True)
    for name, rows in splits.items():
        path = folder / "data" / f"{name}-00000-of-00001.parquet"
        pq.write_table(rows, path, row_group_size=rows_a_group)
