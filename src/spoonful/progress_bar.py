"""How far something is: a bar on a terminal, or a line."""

import time
from collections.abc import Callable

from tqdm import tqdm

# How often what stands beside a bar is made anew: often enough for the eye.
_DETAIL_S = 0.5


class Bar:
    """How far something is.

    Attributes:
        title: what is counted.
        total: how many there are; None: not known.
        done: how many of them are done.
        detail: called with the present speed, in units a second, for what else to show.
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
        self._mark = (time.monotonic(), done)  # since which the speed is taken
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
        """Count some more."""
        self.done += count
        if self._drawn is not None:
            self._draw_detail()
            self._drawn.update(count)

    def skip(self, count: int) -> None:
        """Leave some out that were done before: they have no part in the speed."""
        if self.total is not None:
            self.total -= count
        if self._drawn is not None:
            self._drawn.total = self.total

    def rename(self, title: str) -> None:
        """Count on under another title."""
        self.title = title
        if self._drawn is not None:
            self._drawn.set_description(title)

    def refresh(self) -> None:
        """Draw the bar again."""
        if self._drawn is not None:
            self._drawn.refresh()

    def close(self) -> None:
        """Take the bar away."""
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
        """Return the units a second since this was asked last."""
        (begin, first), self._mark = self._mark, (now, self.done)
        return (self.done - first) / max(now - begin, 1e-9)

    def _count(self, number: float) -> str:
        return tqdm.format_sizeof(number) if self._is_scaled else f"{number:,}"

    def _draw_detail(self) -> None:
        now = time.monotonic()
        if self._drawn is None or self._detail is None or now < self._next_detail:
            return
        self._next_detail = now + _DETAIL_S
        self._drawn.set_postfix_str(self._detail(self._speed(now)), refresh=False)


def clock(seconds: float) -> str:
    """Write a time as h:mm:ss, or m:ss where it is less than an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
