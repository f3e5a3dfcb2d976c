"""`spoonful sync`: send the tracking server what it missed, and mark runs that were killed."""

import sys

from spoonful.config.schema import Config
from spoonful.workflow.unsent import UNSENT


def run(config: Config) -> None:
    """Send what models/journal keeps for the server; exit with 3 if some of it remains."""
    from spoonful.tracking.sync import send_journals, settle

    done = send_journals(config.tracking)
    for name in done.sent:
        print(f"sent      {name}")
    for path, reason in done.kept.items():
        print(f"not sent  {path}: {reason}")
    if not done.sent and not done.kept:
        print("there is nothing to send")
    settle(config.tracking, print)
    if done.kept:
        sys.exit(UNSENT)
