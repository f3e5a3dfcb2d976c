"""Names of files and classes where people read them: they may contain anything."""


def printable(text: str) -> str:
    """Return a text for a terminal or a page: control characters and lone surrogates escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def unicode_text(text: str) -> str:
    """Return a text that can be written as UTF-8: lone surrogates escaped, the rest unchanged."""
    return text.encode("utf-8", "backslashreplace").decode()
