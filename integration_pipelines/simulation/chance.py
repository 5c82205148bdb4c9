"""Chance that can be had again: one number makes a life, and each purpose draws from a stream of its own.

What one purpose draws never moves what another one draws, so that a fault more or less leaves the rest of a life as it was.
"""

from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

Item = TypeVar("Item")

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def _mixed(value: int) -> int:
    """SplitMix64's finaliser: neighbouring numbers become unlike each other."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


class Stream:
    """Draws for one purpose of one life.

    Args:
        seed: which life.
        purpose: what the draws decide.
    """

    __slots__ = ("_state",)

    def __init__(self, seed: int, purpose: str) -> None:
        self._state = _mixed((seed * _GOLDEN + crc32(purpose.encode())) & _MASK)

    def bits(self) -> int:
        """64 of them: SplitMix64, written out here because a life draws some thousand times."""
        value = self._state = (self._state + _GOLDEN) & _MASK
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
        return value ^ (value >> 31)

    def below(self, end: int) -> int:
        """A whole number from 0 up to `end`, without it."""
        return self.bits() % end

    def chance(self, of: float) -> bool:
        """True so often: 0 never, 1 always."""
        return self.bits() < of * (1 << 64)

    def one(self, items: Sequence[Item]) -> Item:
        """One of them."""
        return items[self.bits() % len(items)]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """All of them in another order."""
        rest = list(items)
        for place in range(len(rest) - 1, 0, -1):
            other = self.below(place + 1)
            rest[place], rest[other] = rest[other], rest[place]
        return rest
