"""From YAML text to a contract: every fault becomes one line with file, line, field and what to do. No files are opened here.

Reading YAML is `contract_yaml`; which contracts are well formed is `contract`; which of those are dangerous is `contract_lint`.
"""

import difflib
import types
import typing
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.contract_yaml import Path, UnreadableError, read
from integration_pipelines.errors import ContractError

# What the model's checker calls a fault → what happened, and what to do about it. Input values are never shown: they may be anything.
_WORDS = {
    "missing": ("is missing", "Add it."),
    "extra_forbidden": ("is not a known key", "Remove it or correct its spelling."),
    "literal_error": ("must be {expected}", "Choose one of these."),
    "enum": ("must be {expected}", "Choose one of these."),
    "string_type": ("must be text", "Put it in quotes."),
    "string_pattern_mismatch": ("must be lower-case letters, digits and underscores, beginning with a letter", "Rename it."),
    "int_parsing": ("must be a whole number", "Write digits only."),
    "int_parsing_size": ("is too large a number", "Write a smaller one."),
    "int_from_float": ("must be a whole number", "Write digits only."),
    "int_type": ("must be a whole number", "Write digits only."),
    "float_type": ("must be a number", "Write digits only."),
    "float_parsing": ("must be a number", "Write digits only."),
    "bool_type": ("must be true or false", "Choose one of these."),
    "bool_parsing": ("must be true or false", "Choose one of these."),
    "greater_than": ("must be greater than {gt}", "Raise it."),
    "greater_than_equal": ("must be at least {ge}", "Raise it."),
    "less_than_equal": ("must be at most {le}", "Lower it."),
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
    try:
        document = read(text)
    except UnreadableError as error:
        raise _refused(name, [f"{name}:{line}: {what}" for line, what in error.problems]) from None
    if document.problems:
        problems = sorted((line, _dotted(path), what) for (line, _), (path, what) in document.problems.items())
        raise _refused(name, [f"{name}:{line}: {path}: {what}" for line, path, what in problems])
    try:
        return Contract.model_validate(document.data)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
    meant = {(*_path(f)[:-1], near) for f in faults if f["type"] == "extra_forbidden" and (near := _meant(_path(f)))}
    told = [f for f in faults if f["type"] != "missing" or _path(f) not in meant]  # a misspelt key is one fault, not two
    raise _refused(name, list(dict.fromkeys(_sentence(fault, document.lines, name) for fault in told)))


def _path(fault: ErrorDetails) -> Path:
    return tuple(p for p in fault["loc"] if p != "[key]")


def _sentence(fault: ErrorDetails, lines: Mapping[Path, int], name: str) -> str:
    path = _path(fault)
    known = path
    while known and known not in lines:
        known = known[:-1]
    what, remedy = _WORDS.get(fault["type"], ("is not what a contract can say here", "Correct it."))
    if fault["type"] == "extra_forbidden" and (near := _meant(path)):
        remedy = f"Did you mean `{near}`?"
    return f"{name}:{lines.get(known, 1)}: {_dotted(path)}: {what.format(**fault.get('ctx', {}))}. {remedy}"


def _dotted(path: Path) -> str:
    return ".".join(str(p) for p in path) or "the file"


def _meant(path: Path) -> str | None:
    """The known key that was probably meant by one that is not known."""
    model = _model_at(path[:-1])
    near = difflib.get_close_matches(str(path[-1]), model.model_fields, n=1) if model is not None else []
    return near[0] if near else None


def _model_at(path: Path) -> type[BaseModel] | None:
    """The part of the model that a path leads into; names in a mapping and places in a list are stepped over."""
    model: type[BaseModel] = Contract
    inside: type[BaseModel] | None = Contract
    for step in path:
        if inside is None:
            inside = model
        elif str(step) in inside.model_fields:
            annotation = inside.model_fields[str(step)].annotation
            found = next(_models(annotation), None)
            if found is None:
                return None
            model, inside = found, found if _direct(annotation) else None
        else:
            return None
    return inside


def _direct(annotation: object) -> bool:
    """Whether the annotation is a model itself, or one that may be left out, and no collection of models."""
    options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return any(isinstance(option, type) and issubclass(option, BaseModel) for option in options)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)


def _refused(name: str, problems: list[str]) -> ContractError:
    count = f"{len(problems)} problems" if len(problems) > 1 else problems[0].rstrip(".")
    return ContractError(
        f"{name} is refused: {count}.", problems=tuple(problems), remedy="Correct the lines named and try again."
    )
