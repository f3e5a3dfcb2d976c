"""Progress as a bar on a terminal, or as a line."""

import time
from collections.abc import Callable

from tqdm import tqdm

# How often the text beside a bar is updated: often enough for the eye.
_DETAIL_S = 0.5


class Bar:
    """The progress of something.

    Attributes:
        title: what is counted.
        total: total number; None: unknown.
        done: number done.
        detail: called with the current speed, in units per second; returns further text to show.
    """

    def __init__(
        self,
        title: str,
        total: int | None,
        unit: str,
        done: int,
        is_scaled: bool,
        detail: Callable[[float], str] | None,
        is_drawn: bool,
    ) -> None:
        self.title = title
        self.total = total
        self.done = done
        self._unit = unit
        self._is_scaled = is_scaled
        self._detail = detail
        self._mark = (time.monotonic(), done)  # start of the speed measurement
        self._next_detail = 0.0
        self._drawn = None
        if is_drawn:
            self._drawn = tqdm(
                total=total,
                initial=done,
                desc=title,
                unit=f" {unit}",
                unit_scale=is_scaled,
                smoothing=0.05,
                leave=False,
                dynamic_ncols=True,
            )

    def update(self, count: int) -> None:
        """Add to the count."""
        self.done += count
        if self._drawn is None:
            return
        now = time.monotonic()
        if self._detail is not None and now >= self._next_detail:
            self._next_detail = now + _DETAIL_S
            self._drawn.set_postfix_str(self._detail(self._speed(now)), refresh=False)
        self._drawn.update(count)

    def skip(self, count: int) -> None:
        """Skip items that were done before: they do not count for the speed."""
        if self.total is not None:
            self.total -= count
        if self._drawn is not None:
            self._drawn.total = self.total

    def rename(self, title: str) -> None:
        """Continue under another title."""
        self.title = title
        if self._drawn is not None:
            self._drawn.set_description(title)

    def refresh(self) -> None:
        """Draw the bar again."""
        if self._drawn is not None:
            self._drawn.refresh()

    def close(self) -> None:
        """Remove the bar."""
        if self._drawn is not None:
            self._drawn.close()
            self._drawn = None

    def line(self) -> str:
        """Write the bar as a line."""
        speed = self._speed(time.monotonic())
        parts = [self.title, f"{self._count(self.done)}"]
        if self.total:
            parts[1] += f"/{self._count(self.total)}"
        parts[1] += f" {self._unit}" if not self._is_scaled else self._unit
        if self._detail is not None:
            parts.append(self._detail(speed))
        elif speed:
            rate = f"{speed:,.0f}" if speed >= 10 else f"{speed:.2g}"
            parts.append(f"{self._count(speed) if self._is_scaled else rate} {self._unit}/s")
        if self.total and speed:
            parts.append(f"left {clock((self.total - self.done) / speed)}")
        return "  ".join(filter(None, parts))

    def _speed(self, now: float) -> float:
        """Return the units per second since the last call."""
        (begin, first), self._mark = self._mark, (now, self.done)
        return (self.done - first) / max(now - begin, 1e-9)

    def _count(self, number: float) -> str:
        return tqdm.format_sizeof(number) if self._is_scaled else f"{number:,}"


def clock(seconds: float) -> str:
    """Write a time as h:mm:ss, or m:ss if less than an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
