"""The five operations of a network resource, around what is special about it.

    VERBS = Verbs(NETWORKS, create=create_network, update=update_network, delete=delete_network)
    routes = VERBS.routes()

    PARTS = Verbs(RULES, create=..., within=Within(POLICIES, "qos_policy_id"))    # a resource below another: /policies/{id}/rules

A Neutron resource is always asked for in the same way: it is looked up in the caller's scope, policies decide on the resource as the caller
would see it, who may not even see it hears that it does not exist, and a POST may carry many. What a resource's `expand` gives under the
names of FACTS is about parents, or the key that pages begin after where it is no attribute: nobody is shown it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Fault, NotFound, PreconditionFailed
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import either, envelope, many
from monostack.resources import Resource
from monostack.services.network import attributes, documents, quotas
from monostack.services.network.attributes import Values
from monostack.services.network.words import bad, bad_request, forbidden, no_resource

Facts = Mapping[str, Any]
FACTS = ("network:project_id", "network:shared", "security_group:project_id", "ext_parent:project_id", "address_group:shared", "key")


@dataclass(frozen=True, eq=False)
class Within:
    """What a resource is a part of: its path goes through the other's, and its rules are called after both.

    `column` keeps the other's id. missing(parent_id, id) words that it has no such part; None: as the resource's style does. key(parent_id,
    id) is a part's own key where its path has another. `lists_of_unknown`: the list of the parts of what does not exist is empty.
    """

    resource: Resource
    column: str
    missing: Callable[[str, str], Fault] | None = None
    key: Callable[[str, str], str] | None = None
    lists_of_unknown: bool = False

    def find(self, request: Request, tx: Transaction) -> Row:
        """The one the path names, in the caller's scope. Raises its not-found fault."""
        return self.resource.get(request, tx, request.params["id"])


@dataclass(frozen=True, eq=False)
class Verbs:
    """create(tx, request, values), update(tx, request, row, changes) give the row; delete(tx, request, row) removes it.

    parent(tx, request, values) gives the facts policies read of the parents of what is to be created. together(tx, request, all) checks
    what one request creates as a whole. before_list(request) is awaited before a list. `counted`: the quota counts it. `within`: it is
    a part of another resource, whose id `create` finds among the values. `unread`: what policies do not read of what is to be updated, so
    that who sees it by these only hears that it does not exist. `ruled_as`: its name in policies, where that is another.
    """

    resource: Resource
    create: Callable[[Transaction, Request, Values], Row] | None = None
    update: Callable[[Transaction, Request, Row, Values], Row] | None = None
    delete: Callable[[Transaction, Request, Row], None] | None = None
    parent: Callable[[Transaction, Request, Values], Facts] | None = None
    together: Callable[[Transaction, Request, Sequence[Values]], None] | None = None
    before_list: Callable[[Request], Awaitable[None]] | None = None
    counted: bool = True
    within: Within | None = None
    unread: Sequence[str] = ()
    ruled_as: str = ""

    def rule(self, action: str) -> str:
        """The policy rule of an action."""
        parent = f"{self.within.resource.singular}_" if self.within is not None else ""
        return f"{action}_{parent}{self.ruled_as or self.resource.singular}"

    # --- looking -----------------------------------------------------------------------------------------------------

    def _id(self, request: Request) -> str:
        if self.within is None:
            return request.params["id"]
        part = request.params["part_id"]
        return self.within.key(request.params["id"], part) if self.within.key is not None else part

    @cached_property
    def _of_parent(self) -> Any:
        """Keeps a list to the parts of one parent. Statements are remembered by it, so that there is but one."""
        return self.resource.table.c[self.within.column] == sa.bindparam("within") if self.within is not None else None

    def _parent(self, request: Request, tx: Transaction) -> Row | None:
        return self.within.find(request, tx) if self.within is not None else None

    def items(self, request: Request, tx: Transaction, rows: Sequence[Row], parent: Row | None = None) -> list[Values]:
        """Rows as the caller sees them, with the facts policies need."""
        items = self.resource.views(request, tx, rows)
        if parent is not None:
            for item in items:
                item["ext_parent:project_id"] = parent.project_id
        return items

    def sees(self, request: Request, item: Facts) -> bool:
        return request.allows(self.rule("get"), item)

    def look_up(self, request: Request, tx: Transaction, id: str) -> tuple[Row, Values]:
        """The row and the item, of the caller's scope. Raises the not-found fault of the parent, or of the resource."""
        parent = self._parent(request, tx)
        try:
            row = self.resource.get(request, tx, id)
            if self.within is not None and parent is not None and row._mapping[self.within.column] != parent.id:
                raise self.resource.style.not_found(self.resource, id)
        except NotFound:
            if self.within is None or self.within.missing is None or parent is None:
                raise
            raise self.within.missing(parent.id, request.params["part_id"]) from None
        return row, self.items(request, tx, [row], parent)[0]

    def render(self, request: Request, tx: Transaction, rows: Sequence[Row]) -> list[Values]:
        return [shown(item) for item in self.items(request, tx, rows)]

    def list_all(self, request: Request, tx: Transaction) -> Any:
        """List them."""
        style = self.resource.style
        query = style.parse_list(request, self.resource)
        try:
            parent = self._parent(request, tx)
        except NotFound:
            if self.within is None or not self.within.lists_of_unknown:
                raise
            return style.list_envelope(request, self.resource, [], query)
        rows = self.resource.page(request, tx, query, self._of_parent, {"within": parent.id} if parent is not None else None)
        items = request.allowed(self.rule("get"), self.items(request, tx, rows, parent))
        answer = style.list_envelope(request, self.resource, items, query)
        answer[self.resource.plural] = [shown(item, query.fields) for item in items]
        return answer

    def show(self, request: Request, tx: Transaction) -> Any:
        """Show one."""
        _, item = self.look_up(request, tx, self._id(request))
        if not self.sees(request, item):
            raise no_resource()
        return {self.resource.singular: shown(item, [name for name in request.query_all("fields") if name])}

    # --- changing ----------------------------------------------------------------------------------------------------

    def create_all(self, request: Request, tx: Transaction) -> Any:
        """Create one, or several."""
        assert self.create is not None
        given, many = attributes.bodies(request, self.resource)
        wanted = [attributes.accept_create(request, self.resource, one) for one in given]
        if self.counted:
            quotas.reserve(tx, request.cloud, self.resource.singular, wanted)
        parent, unknown = None, None
        try:
            parent = self._parent(request, tx)
        except NotFound as fault:
            unknown = fault  # who may not create it even in what is his own hears that, rather than this
        for values in wanted:
            facts = self.parent(tx, request, values) if self.parent is not None else {}
            if self.within is not None:
                owner = parent.project_id if parent is not None else request.caller.project_id
                facts = {**facts, "ext_parent:project_id": owner}
                values[self.within.column] = parent.id if parent is not None else None
            fault = attributes.creation_fault(request, self.resource, self.rule("create"), values, facts)
            if fault is not None:
                raise fault
        if unknown is not None:
            raise unknown
        if self.together is not None:
            self.together(tx, request, wanted)
        rows = [self.create(tx, request, values) for values in wanted]
        items = self.render(request, tx, rows)
        return {self.resource.plural: items} if many else {self.resource.singular: items[0]}

    def update_one(self, request: Request, tx: Transaction) -> Any:
        """Update one."""
        assert self.update is not None
        changes = attributes.accept_update(request, self.resource, attributes.body(request, self.resource))
        row, item = self.look_up(request, tx, self._id(request))
        item = {name: value for name, value in item.items() if name not in self.unread} if self.unread else item
        fault = attributes.update_fault(request, self.resource, self.rule("update"), item, changes)
        if fault is not None:
            raise fault if self.sees(request, {**item, **changes}) else no_resource()
        check_revision(request, row)
        row = self.update(tx, request, row, changes)
        return {self.resource.singular: self.render(request, tx, [row])[0]}

    def delete_one(self, request: Request, tx: Transaction) -> None:
        """Delete one."""
        assert self.delete is not None
        if request.body is not None:
            raise bad("Request body is not supported in DELETE.")
        row, item = self.look_up(request, tx, self._id(request))
        self.authorize(request, self.rule("delete"), item)
        check_revision(request, row)
        self.delete(tx, request, row)

    def authorize(self, request: Request, rule: str, item: Facts) -> None:
        """Raises what Neutron answers who may not do this: 403, or 404 if he may not see it."""
        if not request.allows(rule, item):
            raise forbidden(f"rule:{rule}") if self.sees(request, item) else no_resource()

    # --- routes ------------------------------------------------------------------------------------------------------

    def routes(self) -> Routes:
        """The operations as routes."""
        resource = self.resource
        routes = Routes(resource.path)
        item = "/{id}" if self.within is None else "/{part_id}"
        routes.add("GET", "", self.list_all, "read", policy=self.rule("get"), prepare=self.before_list, answer=resource.answer_list)
        routes.add("GET", item, self.show, "read", policy=self.rule("get"), answer=resource.answer_one)
        if self.create is not None:
            document = documents.creation(resource)
            # As many as were asked for: one in its envelope, or a list.
            created = either(resource.answer_one, envelope(resource.plural, many(resource.answer)))
            routes.add(
                "POST", "", self.create_all, "write", status=201, policy=self.rule("create"), body_document=document, answer=created
            )
        if self.update is not None:
            options = {"body_document": documents.change(resource), "answer": resource.answer_one}
            routes.add("PUT", item, self.update_one, "write", policy=self.rule("update"), **options)
        if self.delete is not None:
            routes.add("DELETE", item, self.delete_one, "write", policy=self.rule("delete"), status=204)
        return routes


def shown(item: Values, only: Sequence[str] = ()) -> Values:
    """An item, which loses its facts, or only these of its attributes."""
    for name in FACTS:
        item.pop(name, None)
    return {name: item[name] for name in only if name in item} if only else item


def check_revision(request: Request, row: Row) -> None:
    """`If-Match: revision_number=5` makes a change conditional. Raises 412, and 400 for a header that is malformed."""
    header = request.headers.get("if-match", "")
    wanted = [tag.strip().strip('"') for tag in header.split(",") if tag.strip().strip('"').startswith("revision_number=")]
    if not wanted:
        return
    if len(wanted) > 1:
        raise bad_request("if-match", "Multiple revision_number etags are not supported.")
    number = wanted[0].removeprefix("revision_number=")
    if not number.isdigit():
        raise bad_request("if-match", "Revision number etag must be in the format of revision_number=<int>")
    current = row._mapping.get("revision_number")
    if current is not None and current != int(number):
        raise PreconditionFailed(f"Constrained to {number}, but current revision is {current}", kind="RevisionNumberConstraintFailed")


