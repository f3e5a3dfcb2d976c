"""Turn a packed split into another one of the same shape and settings."""

import json
from dataclasses import replace
from pathlib import Path

from spoonful.files.content_hash import content_hash
from spoonful.sources.packed.meta import store_fingerprint
from spoonful.sources.packed.meta_file import load_meta


def with_another_pixel(store: Path) -> str:
    """Change a pixel, as if it had been packed so; return the fingerprint."""
    meta = load_meta(store)
    path = store / meta.shards[-1].name
    content = bytearray(path.read_bytes())
    content[-100] ^= 64
    path.write_bytes(content)
    shards = (*meta.shards[:-1], replace(meta.shards[-1], sha256=content_hash(path)))
    meta = replace(meta, shards=shards)
    fingerprint = store_fingerprint(meta.encoding, meta.image_shape, meta.class_names, meta.files)
    other = replace(meta, fingerprint=fingerprint)
    (store / "meta.json").write_text(json.dumps(other.to_json()), encoding="utf-8")
    return fingerprint
