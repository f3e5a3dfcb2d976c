"""The command `spoonful`, which also runs if its dependencies are not installed."""

import importlib.util
import sys

# One module name for each package of the extra `pipeline`.
_NEEDED = (
    *("dvc", "hydra", "jinja2", "matplotlib", "mlflow", "psutil", "scipy", "sklearn"),
    *("tensorflow", "tqdm"),
)
_USAGE_ERROR = 2


def main() -> None:
    """Run the command line, or report in one line what is missing."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"spoonful: the command line needs {', '.join(missing)}, which the library does not: "
            "install spoonful[pipeline]",
            file=sys.stderr,
        )
        sys.exit(_USAGE_ERROR)
    from spoonful.command_line import main as run

    run()


if __name__ == "__main__":
    main()
