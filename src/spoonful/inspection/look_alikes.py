"""Names that look alike: equal once Unicode and letter case are normalised."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

_MAX_GROUPS = 1_000  # more are of one kind, and a page of them helps nobody


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """Return the groups of different names that look alike, at most 1,000.

    Two names look alike if they are equal after NFKC and case folding, without blanks around them
    and without what is not shown: "é" of one and of two code points, "Cat" and "cat".

    Args:
        names: any number; besides them, only their hashes are kept.
    """
    seen: dict[int, int] = {}
    names = list(names)
    twice: set[int] = set()
    for name in names:
        key = hash(_folded(name))
        own = hash(name)
        if seen.setdefault(key, own) != own:
            twice.add(key)
    if not twice:
        return []
    groups: dict[str, set[str]] = defaultdict(set)
    for name in names:
        folded = _folded(name)
        if hash(folded) in twice:
            groups[folded].add(name)
    return [sorted(group) for group in groups.values() if len(group) > 1][:_MAX_GROUPS]


def _folded(name: str) -> str:
    if name.isascii() and name.isprintable():
        return name.lower().strip()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(c for c in folded if unicodedata.category(c) not in ("Cf", "Cc")).strip()
