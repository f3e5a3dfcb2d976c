"""The parts of `spoonful sweep`: points, their processes, their records."""
