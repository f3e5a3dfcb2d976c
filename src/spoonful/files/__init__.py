"""Files that are read and written whole: checked, named in errors, never half there."""
