"""Tasks: what is learned, and how the result is judged; one file each."""
