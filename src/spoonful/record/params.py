"""The params of a run in MLflow besides its config: what was asked for where a key said auto."""

# After the name of the key, whose own param is what was chosen.
ASKED = "_asked"
REASON = "_reason"  # why it was chosen
