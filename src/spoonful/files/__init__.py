"""Read and write whole files: checked, named in errors, never half-written."""
