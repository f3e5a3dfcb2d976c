"""`spoonful diff`."""
