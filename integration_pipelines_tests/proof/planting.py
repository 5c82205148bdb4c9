"""How a bug is planted: a piece of the product's own text is replaced by another one, for as long as a test wants to see it found.

Nothing in the product knows of it. What is replaced must stand there, exactly once, so that a bug whose place was rewritten is missed by
nobody: planting it fails.
"""

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import CodeType, FunctionType, ModuleType
from typing import Protocol

ALL = ("all",)


class PlantingError(AssertionError):
    """What a bug replaces is not there, or not once."""


class Patch(Protocol):
    """A change of the product that can be taken back."""

    def planted(self) -> AbstractContextManager[None]:
        """For as long as the context lasts."""


@dataclass(frozen=True, slots=True)
class Code:
    """Other words in a function or method (`name` may have dots); `old` stands there once, and so does each of `more`."""

    module: str
    name: str
    old: str
    new: str
    more: tuple[tuple[str, str], ...] = ()

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The function keeps its identity, so that whoever imported it has the bug, too."""
        function = _function(self.module, self.name)
        before = function.__code__
        source = textwrap.dedent(inspect.getsource(function))
        for old, new in ((self.old, self.new), *self.more):
            source = _replaced(source, old, new)
        function.__code__ = _compiled(function, source)
        try:
            yield
        finally:
            function.__code__ = before


@dataclass(frozen=True, slots=True)
class Words:
    """Other words in a text of a module, a piece of SQL mostly; `old` stands there once, and only that module reads it."""

    module: str
    name: str
    old: str
    new: str

    @contextmanager
    def planted(self) -> Iterator[None]:
        """As long as the context lasts."""
        with _put(import_module(self.module), self.name, lambda text: _replaced(str(text), self.old, self.new)):
            yield


@dataclass(frozen=True, slots=True)
class Instead:
    """Another value of a module's name."""

    module: str
    name: str
    value: object

    @contextmanager
    def planted(self) -> Iterator[None]:
        """As long as the context lasts."""
        with _put(import_module(self.module), self.name, lambda _: self.value):
            yield


@dataclass(frozen=True, slots=True)
class Bug:
    """A deliberate defect.

    Args:
        id: a name for it.
        words: what is wrong, as somebody would say it who found it.
        patches: how it is planted.
        world: the contract whose rehearsal has to find it (`worlds`).
        faults: what may go wrong meanwhile.
        seeds: so many lives at most until it is found.
        course: only lives of this course; None: of all.
    """

    id: str
    words: str
    patches: tuple[Patch, ...]
    world: str = "small"
    faults: tuple[str, ...] = ALL
    seeds: int = 300
    course: int | None = None

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The product with the bug."""
        with ExitStack() as stack:
            for patch in self.patches:
                stack.enter_context(patch.planted())
            yield


def _function(module: str, name: str) -> FunctionType:
    found: object = import_module(module)
    for part in name.split("."):
        found = inspect.getattr_static(found, part, None)
        if isinstance(found, property):
            found = found.fget
    found = inspect.unwrap(found) if callable(found) else found
    if not isinstance(found, FunctionType):
        raise PlantingError(f"There is no function {name} in {module} any more.")
    return found


def _compiled(function: FunctionType, source: str) -> CodeType:
    """The code of the function of that name in a source of its own."""
    wanted = function.__name__
    for made in compile(source, inspect.getfile(function), "exec", dont_inherit=True).co_consts:
        if isinstance(made, CodeType) and made.co_name == wanted:
            if made.co_freevars != function.__code__.co_freevars:
                raise PlantingError(f"{wanted} uses names of the function around it and cannot be replaced.")
            return made
    raise PlantingError(f"The source of {wanted} does not define it.")


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1 or old == new:
        raise PlantingError(f"This stands there {text.count(old)} times instead of once: {old}")
    return text.replace(old, new)


@contextmanager
def _put(module: ModuleType, name: str, changed: Callable[[object], object]) -> Iterator[None]:
    if not hasattr(module, name):
        raise PlantingError(f"There is no {name} in {module.__name__} any more.")
    before: object = getattr(module, name)
    after = changed(before)
    if after == before:
        raise PlantingError(f"{name} in {module.__name__} is the same as before.")
    setattr(module, name, after)
    try:
        yield
    finally:
        setattr(module, name, before)
