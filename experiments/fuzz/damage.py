"""Ways to damage bytes. Each is a function of the bytes and of a random generator alone."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from layout import Layout

Random = np.random.Generator
_MAX_HOLE = 4096
_MAX_STRAY = 300
_FILLS = ("0", "255", "random")
# Where the sizes of things begin to matter: signs, powers of two, and one beside them.
_TELLING = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 70_000)
_TELLING += (1 << 24, (1 << 30) + 1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, (1 << 32) - 2)


@dataclass(frozen=True)
class Target:
    """What is damaged.

    Attributes:
        data: the undamaged bytes.
        layout: where their parts and numbers lie.
        end: what a writer puts behind a file of this format.
        other: another file, to be mixed in.
    """

    data: bytes
    layout: Layout
    end: bytes
    other: bytes


Damage = Callable[[Target, Random], bytes]


def damaged(target: Target, random: Random) -> tuple[bytes, str]:
    """Damage a file once, in one of eight times twice; return the bytes and the ways' names."""
    names = list(DAMAGES)
    done: list[str] = []
    for _ in range(2 if random.random() < 1 / 8 else 1):
        name = names[random.choice(len(names), p=_SHARES)]
        data = DAMAGES[name][1](target, random)
        target = Target(data, target.layout, target.end, target.other)
        done.append(name)
    return target.data, " + ".join(done)


def _below(random: Random, limit: int) -> int:
    return int(random.integers(0, max(1, limit)))


def _length(random: Random, limit: int) -> int:
    """Return a length from 1 to a limit; short ones are as likely as long ones."""
    return max(1, int(np.exp(random.uniform(0, np.log(max(2, limit))))))


def _filling(random: Random, length: int) -> bytes:
    fill = _FILLS[_below(random, len(_FILLS))]
    return random.bytes(length) if fill == "random" else bytes([int(fill)]) * length


def _put(data: bytes, start: int, new: bytes, length: int | None = None) -> bytes:
    return data[:start] + new + data[start + (len(new) if length is None else length) :]


def _flip_bits(target: Target, random: Random) -> bytes:
    found = bytearray(target.data)
    for _ in range(1 + _below(random, 4) if found else 0):
        found[_below(random, len(found))] ^= 1 << _below(random, 8)
    return bytes(found)


def _overwrite_bytes(target: Target, random: Random) -> bytes:
    found = bytearray(target.data)
    for _ in range(1 + _below(random, 8) if found else 0):
        found[_below(random, len(found))] = _below(random, 256)
    return bytes(found)


def _hole(target: Target, random: Random) -> bytes:
    length = min(_length(random, _MAX_HOLE), len(target.data))
    start = _below(random, len(target.data) - length + 1)
    return _put(target.data, start, _filling(random, length))


def _cut(target: Target, random: Random) -> bytes:
    return target.data[: _below(random, len(target.data))]


def _cut_with_end(target: Target, random: Random) -> bytes:
    return _cut(target, random) + target.end


def _cut_a_little(target: Target, random: Random) -> bytes:
    return target.data[: -_length(random, 64)]


def _stray(target: Target, random: Random) -> bytes:
    start = _below(random, len(target.data) + 1)
    return _put(target.data, start, _filling(random, _length(random, _MAX_STRAY)), 0)


def _stray_between(target: Target, random: Random) -> bytes:
    starts = [start for start, _ in target.layout.parts] or [len(target.data)]
    start = starts[_below(random, len(starts))]
    return _put(target.data, start, _filling(random, _length(random, _MAX_STRAY)), 0)


def _stray_behind(target: Target, random: Random) -> bytes:
    return target.data + _filling(random, _length(random, _MAX_HOLE))


def _removed(target: Target, random: Random) -> bytes:
    length = min(_length(random, _MAX_HOLE), len(target.data))
    return _put(target.data, _below(random, len(target.data) - length + 1), b"", length)


def _repeated(target: Target, random: Random) -> bytes:
    length = min(_length(random, _MAX_HOLE), len(target.data))
    start = _below(random, len(target.data) - length + 1)
    return _put(target.data, start, target.data[start : start + length], 0)


def _swapped(target: Target, random: Random) -> bytes:
    data = target.data
    length = min(_length(random, _MAX_HOLE), len(data) // 3 + 1)
    first = _below(random, len(data) - 2 * length)
    second = first + length + _below(random, len(data) - first - 2 * length)
    one, other = data[first : first + length], data[second : second + length]
    return _put(_put(data, first, other), second, one)


def _part_removed(target: Target, random: Random) -> bytes:
    if not target.layout.parts:
        return _removed(target, random)
    start, stop = target.layout.parts[_below(random, len(target.layout.parts))]
    return _put(target.data, start, b"", stop - start)


def _part_moved(target: Target, random: Random) -> bytes:
    """Put a part where another one begins, or a copy of it."""
    if not target.layout.parts:
        return _repeated(target, random)
    parts = target.layout.parts
    start, stop = parts[_below(random, len(parts))]
    place = parts[_below(random, len(parts))][0]
    part = target.data[start:stop]
    data = target.data
    if place <= start and random.random() < 0.5:
        data = _put(data, start, b"", stop - start)
    return _put(data, place, part, 0)


def _number(target: Target, random: Random) -> bytes:
    """Put another value into a number: telling ones, one beside it, or one bit of it."""
    if not target.layout.numbers:
        return _overwrite_bytes(target, random)
    number = target.layout.numbers[_below(random, len(target.layout.numbers))]
    stop = number.offset + number.num_bytes
    if stop > len(target.data):
        return _cut_a_little(target, random)
    order = number.order
    value = int.from_bytes(target.data[number.offset : stop], order)  # type: ignore[arg-type]
    choices = (
        _TELLING[_below(random, len(_TELLING))],
        value + int(random.integers(-3, 4)),
        value ^ (1 << _below(random, 8 * number.num_bytes)),
        value * 2,
    )
    new = choices[_below(random, len(choices))] % (1 << (8 * number.num_bytes))
    encoded = new.to_bytes(number.num_bytes, order)  # type: ignore[arg-type]
    return _put(target.data, number.offset, encoded)


def _joined(target: Target, random: Random) -> bytes:
    if random.random() < 0.5:
        return target.data + target.other
    return target.other[: _below(random, len(target.other))] + target.data


def _mixed(target: Target, random: Random) -> bytes:
    """Go on with another file from some place on."""
    share = random.random()
    return (
        target.data[: int(share * len(target.data))]
        + target.other[int(share * len(target.other)) :]
    )


def _emptied(target: Target, random: Random) -> bytes:
    return b"" if random.random() < 0.2 else _filling(random, len(target.data))


# By name: how often of a hundred times, and how.
DAMAGES: dict[str, tuple[int, Damage]] = {
    "bits flipped": (14, _flip_bits),
    "bytes overwritten": (8, _overwrite_bytes),
    "a hole": (14, _hole),
    "cut": (6, _cut),
    "cut, an end behind it": (7, _cut_with_end),
    "a little cut off": (4, _cut_a_little),
    "stray bytes": (5, _stray),
    "stray bytes between parts": (7, _stray_between),
    "stray bytes behind": (3, _stray_behind),
    "a block removed": (4, _removed),
    "a block repeated": (3, _repeated),
    "blocks swapped": (3, _swapped),
    "a part removed": (3, _part_removed),
    "a part moved": (3, _part_moved),
    "another number": (12, _number),
    "files joined": (2, _joined),
    "half another file": (1, _mixed),
    "emptied": (1, _emptied),
}
_SHARES = np.array([share for share, _ in DAMAGES.values()]) / 100
