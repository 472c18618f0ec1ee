"""/os-keypairs: each user's public keys, by name. Generated ones were handed out once; from 2.92 on users bring their own."""

import asyncio
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import BadRequest, Conflict, NotFound
from monostack.db import Id, Name, Row, Timestamp, Transaction, table
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING, Answers
from monostack.services.compute import answers, quotas
from monostack.services.compute.links import next_page
from monostack.services.compute.paging import limit_and_marker
from monostack.services.compute.parameters import NAME, PAGE, TEXT, fields, one, query

if TYPE_CHECKING:
    from monostack.services.compute import ssh_keys

MAX_KEY = 16384  # characters of a public key or certificate

keypairs = table(
    "keypairs",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("user_id", Id(), nullable=False),
    sa.Column("name", Name(), nullable=False),
    sa.Column("type", Name(8), nullable=False),  # ssh, x509
    sa.Column("public_key", sa.Text, nullable=False),
    sa.Column("fingerprint", Name(), nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.UniqueConstraint("user_id", "name"),
)

_k = keypairs.c
_ONE = sa.select(keypairs).where(_k.user_id == sa.bindparam("the_user"), _k.name == sa.bindparam("the_name"))
_COUNT = sa.select(sa.func.count()).where(_k.user_id == sa.bindparam("the_user"))
_INSERT = sa.insert(keypairs).returning(keypairs)
_DELETE = sa.delete(keypairs).where(_k.number == sa.bindparam("the_number"))
_PAGE = (
    sa.select(keypairs)
    .where(_k.user_id == sa.bindparam("the_user"), _k.name > sa.bindparam("after"))
    .order_by(_k.name)
    .limit(sa.bindparam("many"))
)

_NAME = {"allOf": [NAME, {"type": "string", "pattern": r"^[_\- a-zA-Z0-9]+$", "minLength": 1, "maxLength": 255}]}
_NAME_292 = {"allOf": [NAME, {"type": "string", "pattern": r"^[_\-\@\. a-zA-Z0-9]+$", "minLength": 1, "maxLength": 255}]}
_KEY = {"type": "string", "maxLength": MAX_KEY}
_TYPE = {"type": "string", "enum": ["ssh", "x509"]}
_CREATE = [
    ((0, 0), one("keypair", fields({"name": _NAME, "public_key": _KEY}, ("name",)))),
    ((2, 2), one("keypair", fields({"name": _NAME, "type": _TYPE, "public_key": _KEY}, ("name",)))),
    ((2, 10), one("keypair", fields({"name": _NAME, "type": _TYPE, "public_key": _KEY, "user_id": TEXT}, ("name",)))),
    (
        (2, 92),
        one("keypair", fields({"name": _NAME_292, "type": _TYPE, "public_key": _KEY, "user_id": TEXT}, ("name", "public_key"))),
    ),
]
_OF_USER = [((0, 0), query({})), ((2, 10), query({"user_id": TEXT})), ((2, 75), query({"user_id": TEXT}, strict=True))]
_LIST = [
    ((0, 0), query({})),
    ((2, 10), query({"user_id": TEXT})),
    ((2, 35), query({"user_id": TEXT, **PAGE})),
    ((2, 75), query({"user_id": TEXT, **PAGE}, strict=True)),
]

routes = Routes("/v2.1/os-keypairs")


def find(tx: Transaction, user_id: str, name: str) -> Row | None:
    """A user's keypair."""
    return tx.row(_ONE, {"the_user": user_id, "the_name": name})


def _user(request: Request, action: str, asked: str | None) -> str:
    """Whose keypairs: the caller's, or from 2.10 on those of the user an administrator names."""
    user_id = (asked if request.at_least(2, 10) else None) or request.caller.user_id
    request.authorize(f"os_compute_api:os-keypairs:{action}", {"user_id": user_id})
    return user_id


def _asked_user(request: Request) -> str | None:
    given = request.query_all("user_id")
    return given[0] if given else None


def _view(request: Request, row: Row, *names: str) -> dict[str, Any]:
    if request.at_least(2, 2):
        names += ("type",)
    return {name: row._mapping[name] for name in names}


def _existing(request: Request, tx: Transaction, action: str) -> Row:
    user_id, name = _user(request, action, _asked_user(request)), request.params["id"]
    row = find(tx, user_id, name)
    if row is None:
        raise NotFound(f"Keypair {name} not found for user {user_id}")
    return row


@routes.get("", policy="os_compute_api:os-keypairs:index", query=_LIST, answer=answers.KEYPAIRS)
def list_keypairs(request: Request, tx: Transaction) -> Any:
    """List a user's keypairs."""
    user_id = _user(request, "index", _asked_user(request))
    paged = request.at_least(2, 35)
    limit, marker = limit_and_marker(request) if paged else (2**31 - 1, None)
    if marker is not None and find(tx, user_id, marker) is None:
        raise BadRequest(f"Marker {marker} could not be found.")
    rows = tx.rows(_PAGE, {"the_user": user_id, "after": marker or "", "many": limit})
    answer: dict[str, Any] = {"keypairs": [{"keypair": _view(request, row, "name", "public_key", "fingerprint")} for row in rows]}
    more = next_page(request, "os-keypairs", rows, limit, rows[-1].name if rows else None) if paged else []
    if more:
        answer["keypairs_links"] = more
    return answer


@routes.get("/{id}", policy="os_compute_api:os-keypairs:show", query=_OF_USER, answer=answers.KEYPAIR)
def show_keypair(request: Request, tx: Transaction) -> Any:
    """Show a keypair."""
    row = _existing(request, tx, "show")
    shown = _view(request, row, "name", "public_key", "fingerprint", "user_id", "created_at")
    return {"keypair": {**shown, "id": row.number, "deleted": False, "deleted_at": None, "updated_at": None}}


async def _generate(request: Request) -> "ssh_keys.GeneratedKey | None":
    """Making a key takes a while: before the transaction, in a thread."""
    given = request.body["keypair"]
    if "public_key" in given:
        return None
    user_id = _user(request, "create", given.get("user_id"))
    return await asyncio.to_thread(_pair, given.get("type"), user_id)


def _pair(kind: str | None, user_id: str) -> "ssh_keys.GeneratedKey":
    from monostack.services.compute import ssh_keys  # certificates take long to load

    return ssh_keys.generate_x509(user_id) if kind == "x509" else ssh_keys.generate_ssh()


def _fingerprint(kind: str, public: str) -> str:
    from monostack.services.compute import ssh_keys

    return ssh_keys.x509_fingerprint(public) if kind == "x509" else ssh_keys.ssh_fingerprint(public)


@routes.post(
    "",
    policy="os_compute_api:os-keypairs:create",
    body=_CREATE,
    prepare=_generate,
    answer=Answers({200: answers.NEW_KEYPAIR, 201: answers.NEW_KEYPAIR}),
)
def create_keypair(request: Request, tx: Transaction) -> Any:
    """Import a public key, or generate a pair before 2.92."""
    given = request.body["keypair"]
    name, kind = given["name"].strip(), given.get("type", "ssh")
    user_id = _user(request, "create", given.get("user_id"))
    held = tx.scalar(_COUNT, {"the_user": user_id})
    quotas.Budget(tx, request.cloud, request.project_id).require("key_pairs", 1, "Quota exceeded, too many key pairs.", held)
    generated: ssh_keys.GeneratedKey | None = request.prepared
    public = generated.public if generated else given["public_key"]
    fingerprint = _fingerprint(kind, public)
    if find(tx, user_id, name) is not None:
        raise Conflict(f"Key pair '{name}' already exists.")
    row = tx.execute(
        _INSERT,
        {
            "user_id": user_id, "name": name, "type": kind, "public_key": public, "fingerprint": fingerprint, "created_at": clock.now()
        },
    ).one()  # fmt: skip
    shown = _view(request, row, "name", "public_key", "fingerprint", "user_id")
    if generated:
        shown["private_key"] = generated.private
    return Response({"keypair": shown}, 201 if request.at_least(2, 2) else 200)


@routes.delete("/{id}", policy="os_compute_api:os-keypairs:delete", query=_OF_USER, answer=Answers({202: NOTHING, 204: NOTHING}))
def delete_keypair(request: Request, tx: Transaction) -> Response:
    """Delete a keypair. Servers made with it keep the key."""
    tx.execute(_DELETE, {"the_number": _existing(request, tx, "delete").number})
    return Response(None, 204 if request.at_least(2, 2) else 202)
