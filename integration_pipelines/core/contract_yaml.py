"""YAML text to plain data plus the line on which everything stands. What the data means is `contract_load`'s business.

Only what a contract needs is read: mappings, lists and plain values. A file may not make the reader run, hang or crash: depth and size are
bounded before anything is built, aliases are counted wherever they are used, and tags are refused.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 50
MAX_VALUES = 100_000
_TAG = "tag:yaml.org,2002:"
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BUILD = yaml.SafeLoader("")
_SCALARS: dict[str, Callable[[yaml.ScalarNode], Any]] = {
    f"{_TAG}str": lambda node: node.value,
    f"{_TAG}timestamp": lambda node: node.value,  # a date is kept as it is written; its canonical form comes later
    f"{_TAG}null": lambda _: None,
    f"{_TAG}bool": _BUILD.construct_yaml_bool,
    f"{_TAG}int": _BUILD.construct_yaml_int,
    f"{_TAG}float": _BUILD.construct_yaml_float,
}


class UnreadableError(Exception):
    """Not YAML that a contract could be; `problems` has (line, what and remedy)."""

    def __init__(self, *problems: tuple[int, str]) -> None:
        super().__init__(problems)
        self.problems = problems


@dataclass(slots=True)
class Document:
    """The data, the line of every path in it, and what is wrong with the writing: (line, path, what and remedy)."""

    data: dict[str, Any]
    lines: dict[Path, int] = field(default_factory=dict)
    problems: dict[tuple[int, str], tuple[Path, str]] = field(default_factory=dict)
    values: int = 0

    def spend(self, node: yaml.Node, path: Path) -> None:
        """Count a value that is built, wherever an alias leads; depth and number are bounded."""
        self.values += 1
        if len(path) > MAX_DEPTH:
            raise UnreadableError((_line(node), _TOO_DEEP))
        if self.values > MAX_VALUES:
            raise UnreadableError((_line(node), f"aliases make more than {MAX_VALUES:,} values of this. Write it out."))

    def blame(self, node: yaml.Node, path: Path, what: str) -> None:
        """Note a problem once, however many aliases lead to it."""
        self.problems.setdefault((_line(node), what), (path, what))


def read(text: str) -> Document:
    """Read one mapping.

    Raises:
        UnreadableError: there is nothing that could be looked at any further.
    """
    _bounded(text)
    try:
        _shallow(text)
        root = yaml.compose(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise UnreadableError((line, _said(error, text, line))) from None
    if not isinstance(root, yaml.MappingNode):
        raise UnreadableError((1, "the file must be a mapping. Start with `contract: a_name`."))
    document = Document({})
    document.data = _plain(root, (), document)
    return document


def _bounded(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise UnreadableError((1, f"the file is longer than {MAX_CHARACTERS:,} characters. Split the contract."))
    if strange := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, strange.start()) + 1
        raise UnreadableError((line, "there is a character that cannot be shown. Remove it."))


def _shallow(text: str) -> None:
    """The parser's events come one by one, so depth is known before anything calls itself."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise UnreadableError((event.start_mark.line + 1 if event.start_mark else 1, _TOO_DEEP))


_TOO_DEEP = f"this is nested deeper than {MAX_DEPTH} levels, or contains itself. Write it flatter."


def _said(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    problem = error.problem or "cannot be read"
    lines = text.splitlines()
    if line <= len(lines) and "\t" in lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]:
        return "this is not YAML: the line begins with a tab. Indent with spaces."
    if "alias" in problem:
        return "this is not YAML: an alias (`*name`) has no anchor (`&name`) above it. Correct the name or add the anchor."
    if "duplicate anchor" in (error.context or ""):
        return "this is not YAML: an anchor (`&name`) stands twice. Give each a name of its own."
    if "single document" in (error.context or ""):
        return "this is a second document. Keep one contract in a file and remove the `---` line."
    return f"this is not YAML: {problem}. Correct the line; put texts with `: ` or `#` in quotes."


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _plain(node: yaml.Node, path: Path, document: Document) -> Any:  # noqa: ANN401 - YAML is any data
    document.lines.setdefault(path, _line(node))
    document.spend(node, path)
    if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
        made = {}
        for key, value in _pairs(node, path, document).values():
            document.lines[*path, key.value] = _line(key)
            made[key.value] = _plain(value, (*path, key.value), document)
        return made
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
        return [_plain(item, (*path, n), document) for n, item in enumerate(node.value)]
    return _scalar(node, path, document)


def _scalar(node: yaml.Node, path: Path, document: Document) -> Any:  # noqa: ANN401 - YAML is any data
    build = _SCALARS.get(node.tag)
    if build is None or not isinstance(node, yaml.ScalarNode):
        document.blame(node, path, "has a tag that contracts do not use. Remove it.")
        return None
    try:
        return build(node)
    except (ValueError, KeyError, IndexError):
        document.blame(node, path, "does not fit its tag. Remove the tag or correct the value.")
        return None


def _pairs(node: yaml.MappingNode, path: Path, document: Document) -> dict[str, tuple[yaml.ScalarNode, yaml.Node]]:
    """Keys and values: those merged in with `<<` first, the first of several winning; the mapping's own win over all."""
    found: dict[str, tuple[yaml.ScalarNode, yaml.Node]] = {}
    for merged in reversed(list(_merged(node, path, document))):
        found |= _pairs(merged, (*path, "<<"), document)
    own: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            document.blame(key, path, "has a key that is no plain word. Write `name: value`.")
        elif key.tag != f"{_TAG}merge":
            if key.value in own:
                document.blame(key, (*path, key.value), "is written twice. Keep one of them.")
            own.add(key.value)
            found[key.value] = (key, value)
    return found


def _merged(node: yaml.MappingNode, path: Path, document: Document) -> Iterator[yaml.MappingNode]:
    for key, value in node.value:
        document.spend(key, path)
        if key.tag == f"{_TAG}merge":
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if isinstance(source, yaml.MappingNode):
                    yield source
                else:
                    document.blame(key, path, "merges something that is no mapping. Name the anchor of a mapping after `<<`.")
