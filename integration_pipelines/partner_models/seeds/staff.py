"""The people at the CRM who look after firms: most still there, some gone, one or two with odd names."""

from dataclasses import dataclass
from random import Random

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.partner_models.hubspot.moments import iso
from integration_pipelines.partner_models.seeds.truth import DAY
from integration_pipelines.partner_models.seeds.words import words

PRESENT, GONE = 10, 2
_FIRST_ID, _STEP = 71_204_330, 1_307
_ODD = {
    2: {"lastName": ""},
    3: {"firstName": "=SUM(A1:A9)", "lastName": "<b>Ünal</b>"},
    4: {"email": "Owner.4@CRM-Team.Example"},
    5: {"firstName": "  Zo\u0065\u0308 ", "lastName": "النخلة"},
}


@dataclass(frozen=True, slots=True)
class Staff:
    """Owners in HubSpot's shape."""

    present: tuple[Json, ...]
    gone: tuple[Json, ...]


def hire(crm: HubSpotAccount, rng: Random, now: int) -> Staff:
    """Put the owners into the account."""
    people = [_person(rng, number, now) for number in range(PRESENT + GONE)]
    for person in people:
        crm.insert("owners", person)
    return Staff(tuple(people[:PRESENT]), tuple(people[PRESENT:]))


def _person(rng: Random, number: int, now: int) -> Json:
    first, last = rng.choice(words()["first"]), rng.choice(words()["last"])
    hired = now - rng.randint(400, 1_500) * DAY
    person: Json = {
        "id": str(_FIRST_ID + number * _STEP),
        "email": f"owner{number}@crm-team.example",
        "firstName": first,
        "lastName": last,
        "archived": number >= PRESENT,
        "createdAt": iso(hired),
        "updatedAt": iso(hired + rng.randint(1, 390) * DAY),
    }
    return person | _ODD.get(number, {})
