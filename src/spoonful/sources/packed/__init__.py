"""The packed store, as it is read."""
