"""`spoonful reproduce`."""
