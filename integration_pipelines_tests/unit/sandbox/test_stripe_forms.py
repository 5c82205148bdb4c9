"""Stripe's form encoding, as the sandbox reads it."""

import pytest

from integration_pipelines.partner_models.base import Json, PartnerRefusalError
from integration_pipelines.sandbox.stripe.forms import decode


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("metadata[k]=v&metadata%5Bm%5D=%C3%A4", {"metadata": {"k": "v", "m": "ä"}}),
        ("expand[]=x&expand[]=y", {"expand": ["x", "y"]}),
        ("expand%5B0%5D=x&expand%5B1%5D=y", {"expand": {"0": "x", "1": "y"}}),
        ("items[0][price]=p&items[0][metadata][a]=b", {"items": {"0": {"price": "p", "metadata": {"a": "b"}}}}),
        ("items[][price]=p&items[][quantity]=2&items[][price]=q", {"items": [{"price": "p", "quantity": "2"}, {"price": "q"}]}),
        ("created[gte]=1&created[lt]=2", {"created": {"gte": "1", "lt": "2"}}),
        ("name=a%2Bb+c", {"name": "a+b c"}),
    ],
)
def test_forms_become_nested_values(encoded: str, expected: Json) -> None:
    """Brackets nest, empty brackets append, percent-encoding does not matter."""
    assert decode(encoded) == expected
    assert decode(encoded.encode()) == expected


@pytest.mark.parametrize(
    "encoded",
    [
        "a[b=1",
        "a=1&a[b]=2",
        "a[]=1&a[b]=2",
        "[a]=1",
        b"a=\xff",
        "a=%FF",
        "a" + "[b]" * 9 + "=1",
        "&".join(f"k{n}=1" for n in range(2001)),
    ],
)
def test_unreadable_forms_are_refused(encoded: str | bytes) -> None:
    """What cannot be read is refused, never half read."""
    with pytest.raises(PartnerRefusalError) as caught:
        decode(encoded)
    assert caught.value.status == 400
