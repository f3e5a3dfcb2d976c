"""How people write the names of splits."""

_SPELLINGS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
SPLIT_WORDS = "train, training, val, valid, validation, dev, test, testing or eval"


def split_named(text: str) -> str | None:
    """Return "train", "val" or "test" for a usual name of one, in any case; None: it is none."""
    return _SPELLINGS.get(text.strip().lower())
