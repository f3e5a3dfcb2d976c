"""How large the images of a data set are, and in words what resizing does to them."""

from dataclasses import dataclass

Size = tuple[int, int]


@dataclass(frozen=True)
class ImageSizes:
    """Sizes of the readable images, as (height, width) in px.

    Attributes:
        recommended: what `spoonful inspect` recommends.
        smallest: the smallest height, and the smallest width.
        median: the median height, and the median width; rounded down.
        largest: the largest height, and the largest width.
    """

    recommended: Size
    smallest: Size
    median: Size
    largest: Size

    @property
    def reason(self) -> str:
        """Why the recommended size is recommended, in words."""
        if self.recommended == self.smallest == self.largest:
            return "the size of all images"
        return f"recommended for {self._range}"

    def enlarged(self, size: Size) -> str | None:
        """Return in words that images are enlarged to a size; None: none is."""
        asked = size_text(size)
        if not _is_larger(size, self.smallest):
            return None
        if self.smallest == self.largest:
            return f"images are enlarged from {size_text(self.largest)} to {asked}"
        how_many = "some"
        if _holds(size, self.median):
            how_many = "all" if _holds(size, self.largest) else "many"
        return f"{how_many} images are enlarged to {asked}: they are {self._range}"

    @property
    def _range(self) -> str:
        (low, left), (high, right) = self.smallest, self.largest
        return f"{_span(low, high)} px high and {_span(left, right)} px wide"


def size_text(size: Size) -> str:
    """Write a size as "160x160"; where the sides differ, with what is which."""
    height, width = size
    return f"{height}x{width}" + ("" if height == width else " (height x width)")


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _holds(size: Size, own: Size) -> bool:
    """Return whether a size is larger than an image's, and no side is smaller."""
    return size != own and all(side >= one for side, one in zip(size, own, strict=True))


def _is_larger(size: Size, own: Size) -> bool:
    """Return whether a side is larger than an image's."""
    return any(side > one for side, one in zip(size, own, strict=True))
