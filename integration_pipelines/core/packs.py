"""Packs: a contract with everything that a tenant has to say before it works there, as questions with their choices and defaults.

A pack is data beside the contracts. Each answer becomes an option of the tenant's connection to a partner; what an option means is the
partner's catalogue's business.
"""

from collections.abc import Iterator, Mapping, Sequence

import yaml
from pydantic import ValidationError

from integration_pipelines.core.contract import Contract, Frozen, Name
from integration_pipelines.core.contract_findings import Catalogue, Finding, error, listed
from integration_pipelines.core.contract_options import allowed, places
from integration_pipelines.errors import ConfigError, ContractError


class Question(Frozen):
    """One thing that only the tenant can say."""

    name: Name  # how an answer is given: `--set name=value,value`
    ask: str
    why: str
    partner: str
    option: Name
    several: bool = True
    choices: tuple[str, ...] = ()  # empty: any text
    default: tuple[str, ...] = ()
    required: bool = False


class Pack(Frozen):
    """A named start for an integration."""

    pack: Name
    title: str
    story: str
    contract: Name
    steps: tuple[str, ...]  # what a person does after it was installed, in order; {tenant} stands for the tenant
    questions: tuple[Question, ...]


def load_pack(text: str, name: str) -> Pack:
    """Read a pack.

    Raises:
        ContractError: it is not one; each fault names its place.
    """
    try:
        return Pack.model_validate(yaml.load(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        problems: tuple[str, ...] = ("it is not YAML",)
    except ValidationError as faults:
        found = faults.errors(include_url=False, include_input=False)
        problems = tuple(f"{'.'.join(str(p) for p in f['loc'])}: {f['msg']}" for f in found)
    raise ContractError(f"{name} is refused: {'; '.join(problems)}.", problems=problems, remedy="Correct it and try again.")


def lint_pack(pack: Pack, contracts: Mapping[str, Contract], catalogues: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """What is wrong with a pack: a contract or an option that is not there, a default that may not be chosen, a name that stands twice."""
    contract = contracts.get(pack.contract)
    if contract is None:
        yield error("contract", f"There is no contract {pack.contract}.", f"Choose one of: {listed(contracts)}.")
        return
    if len({q.name for q in pack.questions}) != len(pack.questions):
        yield error("questions", "Two questions have the same name.", "Give each a name of its own.")
    for question in pack.questions:
        here = f"questions.{question.name}"
        if not places(contract, question.partner, question.option):
            yield error(
                here, f"The contract asks {question.partner} nothing by {question.option}.", "Correct the partner or the option."
            )
        elif fault := _fault(question, question.default, contract, catalogues):
            yield error(f"{here}.default", fault, "Choose among what the option may say.")
        if question.required and question.default:
            yield error(here, "It has a default, so nobody has to answer it.", "Remove `required` or the default.")


def _fault(question: Question, values: Sequence[str], contract: Contract, catalogues: Mapping[str, Catalogue]) -> str:
    """Why those values are no answer, or ''."""
    if len(values) > 1 and not question.several:
        return "Only one value can be said."
    where = places(contract, question.partner, question.option)
    may_say = set(question.choices) or allowed(catalogues.get(question.partner), where, question.option)
    strange = set(values) - may_say if may_say else set()
    return f"It cannot say {listed(strange)}." if strange else ""


def answers(
    pack: Pack, given: Mapping[str, Sequence[str]], contract: Contract, catalogues: Mapping[str, Catalogue]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """(partner, option) → values, from what was given and the defaults.

    Raises:
        ConfigError: an answer is to no question, is not allowed, or one that is needed is missing.
    """
    known = {q.name: q for q in pack.questions}
    for name in sorted(given.keys() - known.keys()):
        raise ConfigError(f"{pack.title} does not ask for {name}.", remedy=f"Choose among: {', '.join(known)}.")
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for question in pack.questions:
        values = tuple(v for v in given.get(question.name, question.default) if v)
        if fault := _fault(question, values, contract, catalogues):
            remedy = f"Choose among: {', '.join(question.choices)}." if question.choices else "Correct it."
            raise ConfigError(f"{question.name}: {fault}", remedy=remedy)
        if question.required and not values:
            raise ConfigError(f"{question.ask} Nothing was said.", remedy=f"Say it with --set {question.name}=…")
        found[question.partner, question.option] = values
    return found
