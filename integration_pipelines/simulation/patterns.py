"""A text that matches a regular expression of a contract, with a number in it, so that as many as are needed differ.

It reads what contracts use: literal characters, classes, groups, alternatives (the first is taken) and repeats. Whoever asks still judges
the text; where an expression says more than that, there is none.
"""

import re
from dataclasses import dataclass

_CLASS = {"d": "7", "w": "a", "s": " ", "S": "a", "D": "a", "W": "-"}
_SAMPLES = "a7A_-. @/"
"""Tried in turn for a class: the first character that is in it."""
_OPENED = re.compile(r"^\?(?::|P<\w+>)?")
_REPEAT = re.compile(r"[*+?]\??|\{(\d+)(,\d*)?\}\??")


def sample(pattern: str, number: str) -> str:
    """A text for a pattern; where any number of digits or letters may stand, `number` stands, after a letter if there must be one."""
    return _Reader(pattern, number).alternatives()


@dataclass
class _Reader:
    """Reads a pattern from left to right."""

    pattern: str
    number: str
    at: int = 0

    def alternatives(self) -> str:
        """Up to the end of the pattern or of a group: the first alternative."""
        found: str | None = None
        text = ""
        while self.at < len(self.pattern):
            sign = self.pattern[self.at]
            if sign == ")":
                break
            if sign == "|":
                self.at += 1
                found, text = text if found is None else found, ""
                continue
            text += self._repeated(self._one())
        return text if found is None else found

    def _one(self) -> tuple[str, bool]:
        """The text of one element, and whether it is a class of characters."""
        sign = self.pattern[self.at]
        self.at += 1
        match sign:
            case "(":
                if self.pattern.startswith("?", self.at):
                    self.at += len(_OPENED.findall(self.pattern[self.at :])[0])
                inner = self.alternatives()
                self.at += 1
                return inner, False
            case "[":
                return self._class(), True
            case "\\":
                self.at += 1
                escaped = self.pattern[self.at - 1]
                return ("" if escaped in "bBAZ" else _CLASS.get(escaped, escaped)), escaped in _CLASS
            case "^" | "$":
                return "", False
            case ".":
                return "a", True
            case _:
                return sign, False

    def _class(self) -> str:
        end = self.pattern.index("]", self.at + (2 if self.pattern.startswith("^", self.at) else 1))
        wanted = re.compile(self.pattern[self.at - 1 : end + 1])
        self.at = end + 1
        return next((c for c in _SAMPLES if wanted.match(c)), "a")

    def _repeated(self, one: tuple[str, bool]) -> str:
        """An element as often as it must stand; a class that may stand any number of times makes room for the number."""
        text, is_class = one
        found = _REPEAT.match(self.pattern, self.at)
        if found is None:
            return text
        self.at = found.end()
        if found[1] is not None:
            return text * int(found[1])
        if found[0][0] == "?":
            return ""
        if is_class:
            return self.number if text.isdigit() else text + self.number
        return text
