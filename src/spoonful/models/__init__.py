"""Models, one file each: scaled pixels in, features out; assembled in build.py."""
