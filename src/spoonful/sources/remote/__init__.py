"""Files of object stores and other servers, read through a cache on the local disk."""
