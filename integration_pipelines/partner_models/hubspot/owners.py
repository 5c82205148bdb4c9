"""The people and queues that companies can be given to. Apps only read them; people come and go by edits."""

from collections.abc import Callable, Mapping
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.moments import iso
from integration_pipelines.partner_models.hubspot.refusals import invalid, missing

MOST = 500
_FIRST_ID = 700_001
_FIRST_USER = 40_001


class Owners:
    """Owners by id, in the order of their ids."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._by_id: dict[str, Json] = {}
        self._next_id = _FIRST_ID

    def is_active(self, owner_id: str) -> bool:
        """Whether a company can be given to that id."""
        return owner_id in self._by_id and not self._by_id[owner_id]["archived"]

    def all(self) -> list[Json]:
        """Everybody, those who left included."""
        return [self._by_id[name] for name in sorted(self._by_id, key=_number)]

    def insert(self, given: Mapping[str, Any]) -> Json:
        """Keep an owner as described; what is not said is filled in."""
        owner_id = str(given.get("id") or self._next_id)
        self._next_id = max(self._next_id, _number(owner_id)[0]) + 1
        user = _FIRST_USER + len(self._by_id)
        text = iso(self._now())
        found: Json = {
            "id": owner_id,
            "email": f"owner{owner_id}@example.com",
            "firstName": "",
            "lastName": "",
            "type": "PERSON",
            "userId": user,
            "userIdIncludingInactive": user,
            "createdAt": text,
            "updatedAt": text,
            "archived": False,
            "teams": [],
            **given,
        }
        found["id"] = owner_id
        self._by_id[owner_id] = found
        return found

    def edit(self, owner_id: str, fields: Mapping[str, Any]) -> tuple[Json, Json]:
        """A person changes an owner, or removes one with `archived`; returns how it was and how it is."""
        before = self._by_id.get(owner_id)
        if before is None:
            raise missing(f"Owner {owner_id}")
        after = {**before, **fields, "id": owner_id, "updatedAt": iso(self._now())}
        self._by_id[owner_id] = after
        return before, after

    def page(self, *, limit: int = 100, after: str | None = None, email: str | None = None, archived: bool = False) -> Json:
        """One page, by id; archived owners only where asked for."""
        if not 1 <= limit <= MOST:
            raise invalid(f"limit must be between 1 and {MOST}.")
        start = _number(after) if after else (-1, "")
        found = [
            owner
            for owner in self.all()
            if bool(owner["archived"]) is archived
            and _number(owner["id"]) > start
            and (email is None or str(owner["email"]).casefold() == email.casefold())
        ]
        page: Json = {"results": [_shown(owner) for owner in found[:limit]]}
        if len(found) > limit:
            page["paging"] = {"next": {"after": found[limit - 1]["id"]}}
        return page

    def get(self, owner_id: str, *, id_property: str = "id", archived: bool = False) -> Json:
        """One owner by `id` or `userId`; raises PartnerRefusalError 404."""
        if id_property not in {"id", "userId"}:
            raise invalid("idProperty must be id or userId.")
        for owner in self._by_id.values():
            if str(owner.get(id_property)) == owner_id and bool(owner["archived"]) is archived:
                return _shown(owner)
        raise missing(f"Owner {owner_id}")


def _shown(owner: Json) -> Json:
    """As the wire has it: who left has no user id of their own any more."""
    hidden = {"userId"} if owner["archived"] is True else set()
    return {name: value for name, value in owner.items() if name not in hidden and value is not None}


def _number(owner_id: str) -> tuple[int, str]:
    return (int(owner_id), "") if owner_id.isascii() and owner_id.isdigit() else (0, owner_id)
