"""Modules that libraries load in passing, for what a short command never does: they come when somebody uses them.

SQLAlchemy loads asyncio for its asynchronous engines, and with it sockets and TLS; pydantic and SQLAlchemy load `importlib.metadata` to look
for plugins, and with it the standard library's e-mail. A stand-in is there instead of each until something of it is asked for.
"""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType

LATER: Mapping[str, Collection[str]] = {"asyncio": ("iscoroutine",), "importlib.metadata": ("entry_points",)}
"""Package → functions of it that are kept by name while libraries load, and called much later if ever."""


def load_later(packages: Mapping[str, Collection[str]] = LATER) -> None:
    """Put stand-ins in place of packages that are not loaded yet; for processes that are there for one command."""
    missing = [name for name in packages if name not in sys.modules]
    for name in missing:
        stand_in = sys.modules[name] = _StandIn(name, packages[name])
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(import_module(parent), child, stand_in)  # as importing it does
    if missing:
        sys.meta_path.insert(0, _WholeFirst())


class _StandIn(ModuleType):
    """Gives way to the package, for everybody who comes later, when anything but those functions is asked of it."""

    def __init__(self, name: str, functions: Collection[str]) -> None:
        super().__init__(name)
        self.__spec__ = find_spec(name)
        self.__path__ = list((self.__spec__ and self.__spec__.submodule_search_locations) or ())
        """Asked for whenever a name is taken out of it."""
        for function in functions:
            setattr(self, function, self._passed_on(function))

    def __getattr__(self, attribute: str) -> object:
        return getattr(self.whole(), attribute)

    def whole(self) -> ModuleType:
        """The package itself."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return import_module(self.__name__)

    def _passed_on(self, function: str) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            found: Callable[..., object] = getattr(self.whole(), function)
            return found(*args, **named)

        return call


class _WholeFirst(MetaPathFinder):
    """Who imports a part of a package needs the package first, which a stand-in is not; and usually the part came with it."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        del path
        package = sys.modules.get(fullname.rpartition(".")[0])
        if not isinstance(package, _StandIn):
            return None
        whole = package.whole()
        if fullname in sys.modules:
            return ModuleSpec(fullname, _AtHand(sys.modules[fullname]))
        return PathFinder.find_spec(fullname, whole.__path__, target)


class _AtHand(Loader):
    """A module that is loaded already, as it is."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        del spec
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
