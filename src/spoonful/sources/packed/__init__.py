"""Read packed stores."""
