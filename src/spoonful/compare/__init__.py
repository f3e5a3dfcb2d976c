"""What the runs of a sweep say together: means over seeds, which differences hold, charts, page."""
