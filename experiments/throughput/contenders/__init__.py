"""The contenders: one file a peer. Each function gives a feed or a value, see `measure.py`."""
