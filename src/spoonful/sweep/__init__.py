"""What `spoonful sweep` is made of: points, their processes, what is kept of them."""
