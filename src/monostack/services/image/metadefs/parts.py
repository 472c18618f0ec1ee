"""What a namespace consists of: objects, properties and tags. They differ in their schemas, their words and how they are listed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monostack.core import clock
from monostack.core.errors import Conflict, NotFound
from monostack.db import Row, Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.http.answers import Record
from monostack.resources.style import seconds_z
from monostack.services.image.metadefs import schemas
from monostack.services.image.metadefs.lookup import authorize, check_unprotected, deleted, find, named
from monostack.services.image.metadefs.table import parts
from monostack.services.image.schemas import body_of

_p = parts.c
_WHERE = (_p.namespace_id == sa.bindparam("the_id"), _p.kind == sa.bindparam("the_kind"))
_ONE = sa.select(parts).where(*_WHERE, _p.key == sa.bindparam("the_key"))
_ALL = sa.select(parts).where(*_WHERE).order_by(_p.created_at.desc(), _p.key.desc())
_ADD = sa.insert(parts).returning(parts)
_CHANGE = (
    sa.update(parts)
    .where(*_WHERE, _p.key == sa.bindparam("the_key"))
    .values({name: sa.bindparam(f"new_{name}") for name in ("key", "name", "document", "updated_at")})
    .returning(parts)
)
_REMOVE = sa.delete(parts).where(*_WHERE, _p.key == sa.bindparam("the_key"))
_REMOVE_ALL = sa.delete(parts).where(*_WHERE)

View = Callable[[Row, Row], dict[str, Any]]  # (namespace, part)


@dataclass(frozen=True)
class Kind:
    """One kind of part.

    rules: of a verb (add, get, list, modify, remove) the policy. answer: the schema of `view`.
    missing, duplicate: its words for {name} in {namespace}.
    no_namespace: its words for a namespace there is not. folds: names that differ by case only are the same.
    """

    singular: str
    plural: str
    body: schemas.Body
    view: View
    rules: Mapping[str, str]
    missing: str
    duplicate: str
    answer: Record
    no_namespace: str = "Namespace {name} not found"
    folds: bool = False

    def key(self, name: str) -> str:
        return name.lower() if self.folds else name

    # --- rows --------------------------------------------------------------------------------------------------------

    def all(self, tx: Transaction, namespace: Row) -> Sequence[Row]:
        """The newest first."""
        return tx.rows(_ALL, {"the_id": namespace.id, "the_kind": self.singular})

    def get(self, tx: Transaction, namespace: Row, name: str) -> Row:
        row = tx.row(_ONE, {"the_id": namespace.id, "the_kind": self.singular, "the_key": self.key(name)})
        if row is None:
            raise NotFound(self.missing.format(name=name))
        return row

    def _check_free(self, tx: Transaction, namespace: Row, name: str) -> None:
        if tx.row(_ONE, {"the_id": namespace.id, "the_kind": self.singular, "the_key": self.key(name)}) is not None:
            raise Conflict(self.duplicate.format(name=name, namespace=namespace.namespace))

    def add(self, tx: Transaction, namespace: Row, name: str, document: Mapping[str, Any]) -> Row:
        """Raises Conflict when there is one of that name."""
        self._check_free(tx, namespace, name)
        now = clock.now()
        values = {"key": self.key(name), "name": name, "document": dict(document), "created_at": now, "updated_at": now}
        return tx.execute(_ADD, {"namespace_id": namespace.id, "kind": self.singular, **values}).one()

    def remove_all(self, tx: Transaction, namespace: Row) -> None:
        tx.execute(_REMOVE_ALL, {"the_id": namespace.id, "the_kind": self.singular})

    # --- API ---------------------------------------------------------------------------------------------------------

    def _namespace(self, request: Request, tx: Transaction, verb: str) -> Row:
        namespace = find(tx, request, self.no_namespace)
        authorize(request, self.rules[verb], namespace)
        return namespace

    def given(self, request: Request) -> dict[str, Any]:
        return self.body.check(body_of(request))

    def show(self, request: Request, tx: Transaction) -> Any:
        """Show one."""
        namespace = self._namespace(request, tx, "get")
        return self.view(namespace, self.get(tx, namespace, named(request, "name")))

    def create(self, request: Request, tx: Transaction) -> Any:
        """Create one."""
        given = self.given(request)
        namespace = self._namespace(request, tx, "add")
        return self.view(namespace, self.make(request, tx, namespace, given["name"], given))

    def make(self, request: Request, tx: Transaction, namespace: Row, name: str, document: Mapping[str, Any]) -> Row:
        row = self.add(tx, namespace, name, {key: value for key, value in document.items() if key != "name"})
        record(tx, request, f"metadef_{self.singular}.create", namespace.id, namespace.owner, {"name": name})
        return row

    def update(self, request: Request, tx: Transaction) -> Any:
        """Replace one."""
        given = self.given(request)
        namespace = self._namespace(request, tx, "modify")
        before = self.get(tx, namespace, named(request, "name"))
        name = given.pop("name")
        if self.key(name) != before.key:
            self._check_free(tx, namespace, name)
        where = {"the_id": namespace.id, "the_kind": self.singular, "the_key": before.key}
        values = {"new_key": self.key(name), "new_name": name, "new_document": given, "new_updated_at": clock.now()}
        row = tx.execute(_CHANGE, {**where, **values}).one()
        record(tx, request, f"metadef_{self.singular}.update", namespace.id, namespace.owner, {"name": name})
        return self.view(namespace, row)

    def delete(self, request: Request, tx: Transaction) -> Response:
        """Delete one."""
        namespace = self._namespace(request, tx, "remove")
        row = self.get(tx, namespace, named(request, "name"))
        check_unprotected(namespace, self.singular, row.name)
        tx.execute(_REMOVE, {"the_id": namespace.id, "the_kind": self.singular, "the_key": row.key})
        record(tx, request, f"metadef_{self.singular}.delete", namespace.id, namespace.owner, {"name": row.name})
        return deleted()

    def delete_all(self, request: Request, tx: Transaction) -> Response:
        """Delete all of a namespace."""
        namespace = find(tx, request)
        authorize(request, "delete_metadef_namespace", namespace)
        if "remove_all" in self.rules:
            authorize(request, self.rules["remove_all"], namespace)
        check_unprotected(namespace, "namespace", namespace.namespace)
        self.remove_all(tx, namespace)
        record(tx, request, f"metadef_{self.singular}.delete_all", namespace.id, namespace.owner)
        return deleted()

    def routes(self) -> Routes:
        """All but listing, and creating where that is special."""
        routes = Routes(f"/v2/metadefs/namespaces/{{namespace}}/{self.plural}")
        routes.add("GET", "/{name}", self.show, "read", policy=self.rules["get"], answer=self.answer)
        routes.add("PUT", "/{name}", self.update, "write", policy=self.rules["modify"], answer=self.answer)
        routes.add("DELETE", "/{name}", self.delete, "write", policy=self.rules["remove"], status=204)
        routes.add("DELETE", "", self.delete_all, "write", policy="delete_metadef_namespace", status=204)
        return routes


def times(row: Row) -> dict[str, Any]:
    return {"created_at": seconds_z(row.created_at), "updated_at": seconds_z(row.updated_at)}


def href(namespace: Row, kind: str, row: Row) -> str:
    return f"/v2/metadefs/namespaces/{namespace.namespace}/{kind}/{row.name}"
