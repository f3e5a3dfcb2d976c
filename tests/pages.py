"""What the pages of the documentation hold, for the tests that run it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
COMING_FROM = ROOT / "docs" / "coming-from.md"


def blocks(text: str, language: str = "python") -> list[str]:
    """Return the code blocks of a language, in their order."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def python_blocks(page: Path) -> list[str]:
    return blocks(page.read_text(encoding="utf-8"))


def sections(page: Path) -> dict[str, str]:
    """Return what stands below each heading of the second level."""
    parts = re.split(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
