"""Traits: what a provider can do, beyond quantities. Standard ones are those of os-traits; CUSTOM_* ones are made by users."""

import re
from collections.abc import Collection, Iterable
from functools import cache

import os_traits
import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Name, Timestamp, Transaction, table
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import INTEGER, NOTHING, TEXTS, Answers, Record, envelope
from monostack.services.placement import dialect
from monostack.services.placement.exchange import body, by_version, dated, query
from monostack.services.placement.providers.table import age, get

custom_traits = table(
    "custom_traits",
    sa.Column("name", Name(), primary_key=True),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
)
provider_traits = table(
    "provider_traits",
    sa.Column("provider_uuid", sa.ForeignKey("resource_providers.uuid", ondelete="CASCADE"), primary_key=True),
    sa.Column("trait", Name(), primary_key=True, index=True),
)
_pt, _c = provider_traits.c, custom_traits.c
OF_PROVIDER = sa.select(_pt.trait).where(_pt.provider_uuid == sa.bindparam("the_provider"))
OF_PROVIDERS = sa.select(provider_traits).where(_pt.provider_uuid.in_(sa.bindparam("the_providers", expanding=True)))
_ADD = sa.insert(provider_traits)
_REMOVE = sa.delete(provider_traits).where(
    _pt.provider_uuid == sa.bindparam("the_provider"), _pt.trait.in_(sa.bindparam("traits", expanding=True))
)
_ASSOCIATED = sa.select(_pt.trait).distinct()
_HOLDER = sa.select(_pt.provider_uuid).where(_pt.trait == sa.bindparam("the_name")).limit(1)
_CUSTOM = sa.select(custom_traits).order_by(_c.name)
_KNOWN_CUSTOM = sa.select(_c.name).where(_c.name.in_(sa.bindparam("names", expanding=True)))
_ONE = sa.select(custom_traits).where(_c.name == sa.bindparam("the_name"))
_ADD_CUSTOM = sa.insert(custom_traits)
_REMOVE_CUSTOM = sa.delete(custom_traits).where(_c.name == sa.bindparam("the_name"))


@cache
def standard_traits() -> frozenset[str]:
    """The names that os-traits knows."""
    return frozenset(os_traits.get_traits())


# --- rules -----------------------------------------------------------------------------------------------------------


def in_order(names: Iterable[str]) -> list[str]:
    """Names as answers list them: the standard traits first."""
    return sorted(names, key=lambda name: (name not in standard_traits(), name))


def unknown(tx: Transaction, names: Iterable[str]) -> list[str]:
    """Which of the names are no traits."""
    rest = [name for name in names if name not in standard_traits()]
    if rest:
        known = {row[0] for row in tx.rows(_KNOWN_CUSTOM, {"names": rest})}
        rest = [name for name in rest if name not in known]
    return sorted(rest)


def check_known(tx: Transaction, names: Iterable[str]) -> None:
    """Raises NotFound unless all names are traits."""
    missing = unknown(tx, names)
    if missing:
        raise NotFound(f"No such trait(s): {', '.join(missing)}.")


def make_custom(tx: Transaction, names: Iterable[str]) -> None:
    now = clock.now()
    rows = [{"name": name, "created_at": now, "updated_at": now} for name in names]
    if rows:
        tx.execute(_ADD_CUSTOM, rows)


def replace(tx: Transaction, uuid: str, wanted: Collection[str]) -> bool:
    """Give a provider exactly these traits, which must exist. True if that changed anything; its generation is the caller's to raise."""
    present = {row[0] for row in tx.rows(OF_PROVIDER, {"the_provider": uuid})}
    add, remove = sorted(set(wanted) - present), sorted(present - set(wanted))
    if remove:
        tx.execute(_REMOVE, {"the_provider": uuid, "traits": remove})
    if add:
        tx.execute(_ADD, [{"provider_uuid": uuid, "trait": trait} for trait in add])
    return bool(add or remove)


# --- /traits ---------------------------------------------------------------------------------------------------------

routes = Routes("/traits")
_CUSTOM_NAME = re.compile(r"^CUSTOM_[A-Z0-9_]+\Z")
_FILTERS = {"name": {"type": "string"}, "associated": {"type": "string"}}
_LIST = by_version(((1, 6), {"type": "object", "properties": _FILTERS, "additionalProperties": False}))


def _since(tx: Transaction, name: str) -> str:
    """When a trait was made. Raises NotFound; the standard ones have always been there."""
    if name in standard_traits():
        return "now"
    row = tx.row(_ONE, {"the_name": name})
    if row is None:
        raise NotFound(f"No such trait(s): {name}.")
    return row.created_at


_TRAITS = Record("ProviderTraits", {"traits": TEXTS, "resource_provider_generation": INTEGER})


@routes.get("", since=(1, 6), policy="placement:traits:list", answer=envelope("traits", TEXTS))
def list_traits(request: Request, tx: Transaction) -> Response:
    """List traits."""
    request.authorize("placement:traits:list")
    given = query(request, _LIST)
    custom = tx.rows(_CUSTOM)
    names = sorted(standard_traits()) + [row.name for row in custom]
    if "name" in given:
        operator, separator, value = given["name"].partition(":")
        if not separator:
            raise BadRequest(
                "Badly formatted name parameter. Expected name query string parameter in form: "
                f'?name=[in|startswith]:[name1,name2|prefix]. Got: "{given["name"]}"'
            )
        if operator == "in":
            names = [name for name in names if name in value.split(",")]
        elif operator == "startswith":
            names = [name for name in names if name.startswith(value)]
    if "associated" in given:
        if given["associated"].lower() not in ("true", "false"):
            raise BadRequest('The query parameter "associated" only accepts "true" or "false"')
        used = {row[0] for row in tx.rows(_ASSOCIATED)}
        names = [name for name in names if (name in used) == (given["associated"].lower() == "true")]
    newest = max((row.updated_at for row in custom if row.name in names), default="now")
    return dated(request, {"traits": names}, newest)


@routes.get("/{name}", since=(1, 6), status=204, policy="placement:traits:show")
def show_trait(request: Request, tx: Transaction) -> Response:
    """Show that a trait exists."""
    request.authorize("placement:traits:show")
    return dated(request, None, _since(tx, request.params["name"]), status=204)


@routes.put("/{name}", since=(1, 6), raw_body=True, policy="placement:traits:update", answer=Answers({201: NOTHING, 204: NOTHING}))
def create_trait(request: Request, tx: Transaction) -> Response:
    """Make a custom trait unless it exists."""
    request.authorize("placement:traits:update")
    name = request.params["name"]
    if not _CUSTOM_NAME.match(name) or len(name) > 255:
        raise BadRequest(
            'The trait is invalid. A valid trait must be no longer than 255 characters, start with the prefix "CUSTOM_" and use '
            'following characters: "A"-"Z", "0"-"9" and "_"'
        )
    made = bool(unknown(tx, [name]))
    if made:
        make_custom(tx, [name])
        record(tx, request, "trait.create", name[:64])
    return dated(request, None, _since(tx, name), status=201 if made else 204, location=f"/traits/{name}")


@routes.delete("/{name}", since=(1, 6), policy="placement:traits:delete")
def delete_trait(request: Request, tx: Transaction) -> None:
    """Delete a custom trait."""
    request.authorize("placement:traits:delete")
    name = request.params["name"]
    _since(tx, name)
    if name in standard_traits():
        raise BadRequest(f"Cannot delete standard trait {name}.")
    if tx.row(_HOLDER, {"the_name": name}) is not None:
        raise Conflict(f"The trait {name} is in use by a resource provider.")
    tx.execute(_REMOVE_CUSTOM, {"the_name": name})
    record(tx, request, "trait.delete", name[:64])


# --- /resource_providers/{uuid}/traits -------------------------------------------------------------------------------

_NAME = {"type": "string", "minLength": 1, "maxLength": 255}
_SET = by_version(
    (
        (1, 6),
        {
            "type": "object",
            "properties": {"traits": {"type": "array", "items": _NAME}, "resource_provider_generation": {"type": "integer"}},
            "required": ["traits", "resource_provider_generation"],
            "additionalProperties": False,
        },
    )
)
provider_routes = Routes("/resource_providers/{uuid}/traits")


def _shown(request: Request, tx: Transaction, uuid: str, generation: int) -> Response:
    names = in_order(row[0] for row in tx.rows(OF_PROVIDER, {"the_provider": uuid}))
    return dated(request, {"traits": names, "resource_provider_generation": generation})


@provider_routes.get("", since=(1, 6), policy="placement:resource_providers:traits:list", answer=_TRAITS)
def list_provider_traits(request: Request, tx: Transaction) -> Response:
    """List the traits of a resource provider."""
    request.authorize("placement:resource_providers:traits:list")
    try:
        row = get(tx, request.params["uuid"])
    except NotFound as missing:
        raise NotFound(f"No resource provider with uuid {request.params['uuid']} found: {missing.message}") from None
    return _shown(request, tx, row.uuid, row.generation)


@provider_routes.put("", since=(1, 6), policy="placement:resource_providers:traits:update", answer=_TRAITS)
def set_provider_traits(request: Request, tx: Transaction) -> Response:
    """Replace the traits of a resource provider."""
    request.authorize("placement:resource_providers:traits:update")
    data = body(request, _SET)
    row = get(tx, request.params["uuid"])
    if row.generation != data["resource_provider_generation"]:
        text = "Resource provider's generation already changed. Please update the generation and try again."
        raise Conflict(text, kind=dialect.CONCURRENT_UPDATE)
    missing = unknown(tx, data["traits"])
    if missing:
        raise BadRequest(f"No such trait {', '.join(missing)}")
    generation = row.generation
    if replace(tx, row.uuid, data["traits"]):
        age(tx, row.uuid)
        generation += 1
        record(tx, request, "resource_provider.update", row.uuid, None, {"changed": ["traits"]})
    return _shown(request, tx, row.uuid, generation)


@provider_routes.delete("", since=(1, 6), policy="placement:resource_providers:traits:delete")
def remove_provider_traits(request: Request, tx: Transaction) -> None:
    """Remove all traits of a resource provider."""
    request.authorize("placement:resource_providers:traits:delete")
    row = get(tx, request.params["uuid"])
    if replace(tx, row.uuid, ()):
        age(tx, row.uuid)
        record(tx, request, "resource_provider.update", row.uuid, None, {"changed": ["traits"]})
