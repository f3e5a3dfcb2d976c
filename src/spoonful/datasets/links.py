"""How to put the user's files into the split without any risk to them."""

from pathlib import Path

from spoonful.errors import SpoonfulError


def safe_link(link: str, project: Path) -> str:
    """Return the way to put the user's files into the split, safe from DVC's cache.

    DVC follows symbolic links. If `cache.type` begins with hardlink, it would move the user's own
    files into its cache and make them read-only (seen with 3.67); then they are copied.

    Args:
        link: "auto", "reflink", "symlink" or "copy".
        project: the project's folder, where DVC's settings are read.

    Raises:
        SpoonfulError: symbolic links were requested and DVC would harm their target files, or DVC's
            settings cannot be read.
    """
    if link not in ("auto", "symlink") or not _takes_hard_links(project):
        return link
    if link == "symlink":
        raise SpoonfulError(
            "dataset.link=symlink: DVC's cache.type begins with hardlink, so DVC would make your "
            "own files read-only; use dataset.link=copy, or `dvc config cache.type "
            "reflink,hardlink,copy`"
        )
    return "copy"


def _takes_hard_links(project: Path) -> bool:
    folder = next((f for f in (project, *project.parents) if (f / ".dvc").is_dir()), None)
    if folder is None:
        return False
    from dvc.config import Config, ConfigError

    try:
        types: list[str] = Config(str(folder / ".dvc"))["cache"].get("type") or []
    except ConfigError as error:
        reason = " ".join(str(error).split())
        raise SpoonfulError(
            f"{folder / '.dvc'}: DVC's settings cannot be read: {reason}"
        ) from error
    return types[:1] == ["hardlink"]
