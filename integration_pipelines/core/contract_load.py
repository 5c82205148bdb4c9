"""From YAML text to a contract: every fault becomes one line with file, line, field and what to do. No files are opened here."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import ContractError

Path = tuple[str | int, ...]
_MERGED = "tag:yaml.org,2002:merge"

# What pydantic calls a fault → what happened, and what to do about it. Input values are never shown: they may be anything.
_WORDS = {
    "missing": ("is missing", "Add it."),
    "extra_forbidden": ("is not a known key", "Remove it or correct its spelling."),
    "literal_error": ("must be {expected}", "Choose one of these."),
    "enum": ("must be {expected}", "Choose one of these."),
    "string_type": ("must be text", "Put it in quotes."),
    "string_pattern_mismatch": ("must match {pattern}", "Correct it."),
    "int_parsing": ("must be a whole number", "Correct it."),
    "int_type": ("must be a whole number", "Correct it."),
    "float_type": ("must be a number", "Correct it."),
    "float_parsing": ("must be a number", "Correct it."),
    "bool_type": ("must be true or false", "Correct it."),
    "bool_parsing": ("must be true or false", "Correct it."),
    "greater_than": ("must be greater than {gt}", "Correct it."),
    "greater_than_equal": ("must be at least {ge}", "Correct it."),
    "less_than_equal": ("must be at most {le}", "Correct it."),
    "model_type": ("must be a mapping", "Write it as `key: value` lines."),
    "dict_type": ("must be a mapping", "Write it as `key: value` lines."),
    "tuple_type": ("must be a list", "Write it as `[a, b]`."),
}


def load_contract(text: str, name: str = "contract.yaml") -> Contract:
    """Read a contract.

    Args:
        text: the YAML.
        name: the file's name, for messages.

    Raises:
        ContractError: `problems` holds one line per fault, all of them at once.
    """
    root = _parsed(text, name)
    lines: dict[Path, int] = {}
    doubles: list[str] = []
    data = _plain(root, (), lines, doubles, name)
    if doubles:
        raise _refused(name, doubles)
    try:
        return Contract.model_validate(data)
    except ValidationError as error:
        raise _refused(name, [_sentence(e, lines, name) for e in error.errors(include_url=False, include_input=False)]) from None


def _parsed(text: str, name: str) -> yaml.Node:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        what = getattr(error, "problem", None) or "cannot be read"
        raise _refused(
            name, [f"{name}:{line}: this is not YAML: {what}. Correct the line; indent with spaces, never with tabs."]
        ) from None
    if not isinstance(root, yaml.MappingNode):
        raise _refused(name, [f"{name}:1: the file must be a mapping. Start with `contract: a_name`."])
    return root


def _plain(node: yaml.Node, path: Path, lines: dict[Path, int], doubles: list[str], name: str) -> Any:  # noqa: ANN401 - YAML is any data
    """Nodes as plain data, remembering the line of every path and every key that is written twice."""
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        made: dict[str, Any] = {}
        for key, value in _pairs(node):
            if key.value in made:
                where = ".".join(str(p) for p in (*path, key.value))
                doubles.append(f"{name}:{key.start_mark.line + 1}: {where}: is written twice. Keep one of them.")
            made[key.value] = _plain(value, (*path, key.value), lines, doubles, name)
            lines[*path, key.value] = key.start_mark.line + 1
        return made
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, n), lines, doubles, name) for n, item in enumerate(node.value)]
    return yaml.SafeLoader("").construct_object(node, deep=True)


def _pairs(node: yaml.MappingNode) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """Keys and values; what is merged in with `<<` comes first, so that the mapping's own keys win."""
    own = {key.value for key, _ in node.value}
    for key, value in node.value:
        if key.tag == _MERGED:
            for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                yield from ((k, v) for k, v in _pairs(merged) if k.value not in own)
    yield from ((key, value) for key, value in node.value if key.tag != _MERGED)


def _sentence(error: ErrorDetails, lines: Mapping[Path, int], name: str) -> str:
    path = tuple(p for p in error["loc"] if p != "[key]")
    known = path
    while known and known not in lines:
        known = known[:-1]
    what, remedy = _WORDS.get(error["type"], (error["msg"].lower(), "Correct it."))
    where = ".".join(str(p) for p in path) or "the file"
    return f"{name}:{lines.get(known, 1)}: {where}: {what.format(**error.get('ctx', {}))}. {remedy}"


def _refused(name: str, problems: list[str]) -> ContractError:
    count = f"{len(problems)} problems" if len(problems) > 1 else problems[0]
    return ContractError(
        f"{name} is refused: {count}.", problems=tuple(problems), remedy="Correct the lines named and try again."
    )
