"""Compare the runs of a sweep: means over seeds, significant differences, charts, page."""
