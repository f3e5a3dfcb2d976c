"""Look at every image before anything is split: what is there, what is wrong, what is a copy."""

from spoonful.inspection.inspecting import inspect
from spoonful.inspection.known import Found, found

__all__ = ["Found", "found", "inspect"]
