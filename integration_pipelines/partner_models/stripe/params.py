"""Reading the parameters of a request, which arrive as text from forms and as values from Python alike.

Shapes and types are refused here; what a value means belongs to the module of the object.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe.refusals import invalid, missing_parameter, unknown_parameter

_METADATA_KEYS, _METADATA_KEY_LENGTH, _METADATA_VALUE_LENGTH = 50, 40, 500


class Params:
    """The parameters of one request or of one hash inside it; unknown names are refused at once."""

    def __init__(self, values: Mapping[str, Any], allowed: Iterable[str], prefix: str = "") -> None:
        self.values = values
        self._prefix = prefix
        known = {*allowed, "expand"} if not prefix else set(allowed)
        for name in values:
            if name not in known:
                raise unknown_parameter(self.path(name))

    def path(self, name: str) -> str:
        """The parameter's name as the caller wrote it."""
        return f"{self._prefix}[{name}]" if self._prefix else name

    def __contains__(self, name: str) -> bool:
        """Whether the parameter was given at all."""
        return name in self.values

    def require(self, *names: str) -> None:
        """Refuse if one of them is absent or empty."""
        for name in names:
            if self.values.get(name) in (None, "", [], {}):
                raise missing_parameter(self.path(name))

    def text(self, name: str) -> str | None:
        """A string; empty means unset."""
        value = self.values.get(name)
        if isinstance(value, Mapping | list):
            raise invalid(f"Invalid string: {self.path(name)}", param=self.path(name))
        return None if value in (None, "") else str(value)

    def choice(self, name: str, options: Iterable[str]) -> str | None:
        """One of several words."""
        value = self.text(name)
        if value is not None and value not in (known := sorted(options)):
            raise invalid(f"Invalid {self.path(name)}: must be one of {', '.join(known)}", param=self.path(name))
        return value

    def integer(self, name: str, *, minimum: int | None = None, maximum: int | None = None) -> int | None:
        """A whole number within bounds."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"[+-]?\d{1,18}", value):
            raise invalid(f"Invalid integer: {self.path(name)}", param=self.path(name), code="parameter_invalid_integer")
        number = int(value)
        if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
            bounds = f"between {minimum} and {maximum}" if maximum is not None else f"at least {minimum}"
            message = f"This value must be {bounds}."
            raise invalid(message, param=self.path(name), code="parameter_invalid_integer")
        return number

    def decimal(self, name: str) -> Decimal | None:
        """An exact decimal number of at most 12 places."""
        value = self.text(name)
        if value is None:
            return None
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal("NaN")
        exponent = number.as_tuple().exponent
        if not number.is_finite() or not isinstance(exponent, int) or exponent < -12:  # noqa: PLR2004 - Stripe's own limit
            raise invalid(f"Invalid decimal: {self.path(name)}", param=self.path(name))
        return number

    def boolean(self, name: str) -> bool | None:
        """True or false."""
        value = self.values.get(name)
        if value in (None, ""):
            return None
        if str(value).lower() not in {"true", "false"}:
            raise invalid(f"Invalid boolean: {self.path(name)}", param=self.path(name))
        return str(value).lower() == "true"

    def hash(self, name: str) -> Json:
        """A hash; absent or empty is {}."""
        value = self.values.get(name)
        if value in (None, ""):
            return {}
        if not isinstance(value, Mapping):
            raise invalid("Invalid object", param=self.path(name))
        return dict(value)

    def array(self, name: str) -> list[Any]:
        """An array, written `[]`, `[0]` or as a list; absent or empty is []."""
        value = self.values.get(name)
        if value in (None, ""):
            return []
        if isinstance(value, Mapping) and all(str(key).isdigit() for key in value):
            return [value[key] for key in sorted(value, key=int)]
        if not isinstance(value, list | tuple):
            raise invalid("Invalid array", param=self.path(name))
        return list(value)

    def nested(self, name: str, allowed: Iterable[str]) -> "Params":
        """The hash of that name with its own known names."""
        return Params(self.hash(name), allowed, self.path(name))


def decimal_text(number: Decimal) -> str:
    """A decimal as Stripe writes it: plain digits, no trailing zeros."""
    text = format(number.normalize(), "f")
    return "0" if text == "-0" else text


def merge_metadata(old: object, params: Params) -> Json:
    """Metadata after a write: keys merge, an empty value deletes its key, an empty hash as text deletes all."""
    current = dict(old) if isinstance(old, Mapping) else {}
    if "metadata" not in params:
        return current
    given = params.values["metadata"]
    if given in (None, ""):
        return {}
    for key, value in params.hash("metadata").items():
        if isinstance(value, Mapping | list):
            raise invalid("Metadata values must be strings.", param=f"metadata[{key}]")
        text = "" if value is None else str(value)
        _check_metadata(str(key), text)
        if text == "":
            current.pop(str(key), None)
        else:
            current[str(key)] = text
    if len(current) > _METADATA_KEYS:
        raise invalid(f"You can only have up to {_METADATA_KEYS} metadata keys.", param="metadata")
    return current


def _check_metadata(key: str, value: str) -> None:
    if not key or "[" in key or "]" in key:
        raise invalid("Metadata keys must not be empty or contain square brackets.", param="metadata")
    if len(key) > _METADATA_KEY_LENGTH:
        raise invalid(f"Metadata keys can be up to {_METADATA_KEY_LENGTH} characters long.", param="metadata")
    if len(value) > _METADATA_VALUE_LENGTH:
        raise invalid(f"Metadata values can have up to {_METADATA_VALUE_LENGTH} characters.", param=f"metadata[{key}]")
