"""What HubSpot makes of a value that is written: refused, or kept in its canonical text. '' clears."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.moments import day, iso_of, moment
from integration_pipelines.partner_models.hubspot.refusals import bad_values, fault

LONGEST_TEXT = 65_536
_WIDEST = 308  # digits a double has at most before or behind the point
_MULTIPLE = "checkbox"
OWNER_PROPERTY = "hubspot_owner_id"


def number(text: str) -> str | None:
    """Plain decimal text without redundant zeros; None for what is no number."""
    try:
        parsed = Decimal(text.strip())
    except InvalidOperation:
        return None
    if "_" in text or not text.isascii() or not parsed.is_finite() or abs(parsed.adjusted()) > _WIDEST:
        return None
    plain = format(parsed, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in {"-0", ""} else plain


def plain(value: object) -> str | None:
    """The text of a JSON scalar (null clears, like ''); None for anything else."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return str(value) if isinstance(value, (str, int)) else None


class Values:
    """Checks the values of one request and collects every fault, since HubSpot names them all at once.

    Args:
        find: the property of a name, None if there is none in use.
        is_owner: whether an id is that of an owner who can be given a company.
    """

    def __init__(self, find: Callable[[str], Json | None], is_owner: Callable[[str], bool]) -> None:
        self._find = find
        self._is_owner = is_owner
        self._faults: list[Json] = []

    def canonical(self, given: Json) -> dict[str, str]:
        """The canonical texts; faults are kept for `refuse`."""
        found: dict[str, str] = {}
        for name, value in given.items():
            definition = self._find(name)
            if definition is None:
                self._fault(name, f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST")
            elif definition["modificationMetadata"]["readOnlyValue"]:
                self._fault(name, f'"{name}" is a read only property; its value cannot be set.', "READ_ONLY_VALUE")
            elif (text := plain(value)) is None:
                self._fault(name, f"The value of {name} is neither text nor a number.", "INVALID_VALUE")
            elif (kept := self._kept(definition, text)) is not None:
                found[name] = kept
        return found

    def refuse(self) -> None:
        """Raises PartnerRefusalError 400 if there was any fault."""
        if self._faults:
            raise bad_values(self._faults)

    def _kept(self, definition: Json, text: str) -> str | None:
        kind, name = definition["type"], definition["name"]
        if text == "":
            return ""
        kept: str | None
        match kind:
            case "number":
                kept, code = number(text), "INVALID_NUMBER"
            case "date":
                kept, code = day(text), "INVALID_DATE"
            case "datetime":
                number_of_ms = moment(text)
                kept, code = None if number_of_ms is None else iso_of(number_of_ms), "INVALID_DATE"
            case "bool":
                kept, code = text.lower() if text.lower() in {"true", "false"} else None, "INVALID_BOOLEAN"
            case "enumeration":
                return self._option(definition, text)
            case _:
                return text[:LONGEST_TEXT]
        if kept is None:
            self._fault(name, f"{text} was not a valid {kind}.", code)
        return kept

    def _option(self, definition: Json, text: str) -> str | None:
        name = definition["name"]
        if definition["externalOptions"]:
            if name == OWNER_PROPERTY and not self._is_owner(text):
                self._fault(name, f"{text} is not a valid owner id.", "INVALID_OWNER_ID")
                return None
            return text
        allowed = {option["value"] for option in definition["options"]}
        chosen = text.split(";") if definition["fieldType"] == _MULTIPLE else [text]
        if not allowed.issuperset(chosen):
            self._fault(name, f"{text} was not one of the allowed options: [{', '.join(sorted(allowed))}]", "INVALID_OPTION")
            return None
        return text

    def _fault(self, name: str, message: str, code: str) -> None:
        self._faults.append(fault(message, code, propertyName=name))
