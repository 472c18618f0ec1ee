"""The declaration of a plain resource, and the pieces its operations are composed of."""

# pyright: reportPrivateUsage=false
# Rows have their columns as `_mapping`, a public name which hides none of them.

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.schema import SchemaItem

from monostack.core import clock
from monostack.core.errors import BadRequest, PolicyNotAuthorized
from monostack.db import Json, Row, Select, Transaction, metadata
from monostack.events import record
from monostack.http.answers import NOTHING, Record, envelope, many
from monostack.http.request import Request
from monostack.http.routing import Routes, Version
from monostack.resources import query as list_queries
from monostack.resources.fields import REQUIRED, Field
from monostack.resources.query import ListQuery
from monostack.resources.style import Style

Clause = Callable[[sa.Table], Any]
Handler = Callable[[Request, Transaction], Any]
ACTIONS = ("list", "show", "create", "update", "delete")


@dataclass(frozen=True, slots=True)
class Scopes:
    """Which rows a caller may know of: `of(request)` names one of `clauses`, which may bind caller_project, caller_user, caller_domain."""

    of: Callable[[Request], str]
    clauses: Mapping[str, Clause | None]


class _Plan:
    """What is shown of a row: its values taken all at once, some of them converted."""

    __slots__ = ("_converted", "_names", "_take")

    def __init__(self, names: tuple[str, ...], places: tuple[int, ...], converted: tuple[tuple[str, Callable[[Any], Any]], ...]) -> None:
        self._names = names
        self._take: Callable[[Any], Sequence[Any]] = itemgetter(*places) if len(places) > 1 else lambda row: [row[i] for i in places]
        self._converted = converted

    def item(self, row: Row) -> dict[str, Any]:
        item = dict(zip(self._names, self._take(row), strict=True))
        for name, show in self._converted:
            item[name] = show(item[name])
        return item


EVERYTHING = Scopes(lambda request: "all", {"all": None})


def caller_params(request: Request) -> dict[str, Any]:
    caller = request.caller
    return {"caller_project": caller.project_id, "caller_user": caller.user_id, "caller_domain": caller.domain_id}


@dataclass(eq=False)
class Resource:
    """A plain resource.

    policy: action -> rule name; an action without a rule is open to every caller whose scope finds the row.
    expand(tx, request, rows) gives further attributes for a page of rows, in one go (no query per row).
    columns: columns and constraints beyond the fields. The first field named `key` is the primary key.
    unknown: column that keeps attributes the declaration does not name (Keystone's "extra"); they are shown with the others.
    adds: schemas of what `expand` shows beside the fields, by key (http.answers).
    conditions: filters that are no comparison with a column, by the name a ListQuery gives them: (table, operator, parameter) -> clause.
    """

    singular: str
    plural: str
    style: Style
    path: str
    fields: tuple[Field, ...]
    policy: Mapping[str, str] = field(default_factory=dict[str, str])
    scopes: Scopes = EVERYTHING
    key: str = "id"
    table_name: str = ""
    columns: tuple[SchemaItem, ...] = ()
    expand: Callable[[Transaction, Request, Sequence[Row]], Sequence[Mapping[str, Any]]] | None = None
    default_sort: tuple[tuple[str, str], ...] = ()
    collection: str = ""  # the envelope's key of one, if it differs from `singular`
    title: str = ""  # as messages name it: "Network"
    unknown: str | None = None
    schema_title: str = ""  # as OpenAPI documents name it, if not after `singular`
    adds: Mapping[str, Any] = field(default_factory=dict[str, Any])
    conditions: Mapping[str, Callable[[sa.Table, str, str], Any]] = field(default_factory=dict[str, Callable[[sa.Table, str, str], Any]])

    def __post_init__(self) -> None:
        self.table_name = self.table_name or self.plural.replace("-", "_")
        self.title = self.title or self.singular.capitalize()
        # Two attributes may show one column under two names.
        columns = {f.stored_as: f.sql_column(primary=f.stored_as == self.key) for f in reversed(self.fields) if f.stored_as}
        stored = list(columns.values())[::-1]
        kept = [sa.Column(self.unknown, Json)] if self.unknown is not None else []
        self.table = sa.Table(self.table_name, metadata, *stored, *kept, *self.columns, info={"conditions": self.conditions})
        self.by_name = {f.name: f for f in self.fields}
        self._plans: dict[Any, _Plan] = {}
        self._index = {column.name: i for i, column in enumerate(self.table.columns)}
        self._clauses = {name: clause(self.table) if clause else None for name, clause in self.scopes.clauses.items()}
        self._get = {name: self._select_one(clause) for name, clause in self._clauses.items()}
        self._insert = sa.insert(self.table).returning(*self.table.columns)
        self._updates: dict[tuple[str, ...], sa.Update] = {}
        self._delete = sa.delete(self.table).where(self.table.c[self.key] == sa.bindparam("the_key"))

    def _select_one(self, clause: Any) -> Select:
        statement = sa.select(self.table).where(self.table.c[self.key] == sa.bindparam("the_key"))
        return statement if clause is None else statement.where(clause)

    def _update(self, names: tuple[str, ...]) -> sa.Update:
        """The statement that sets these columns; each is bound as v_<column>."""
        known = self._updates.get(names)
        if known is None:
            one = sa.update(self.table).where(self.table.c[self.key] == sa.bindparam("the_key"))
            known = one.values({name: sa.bindparam(f"v_{name}") for name in names}).returning(*self.table.columns)
            self._updates[names] = known
        return known

    # --- looking up is authorizing -----------------------------------------------------------------------------------

    def get(self, request: Request, tx: Transaction, id: str) -> Row:
        """The row the caller may know of, or the service's not-found fault."""
        row = tx.row(self._get[self.scopes.of(request)], {"the_key": id, **caller_params(request)})
        if row is None:
            raise self.style.not_found(self, id)
        return row

    def allowed(self, request: Request, tx: Transaction, action: str, id: str | None = None) -> Row:
        """The row an operation is about (by default the path's `id`): looked up, authorized, or the service's fault."""
        key = request.params["id"] if id is None else id
        if not self.style.rule_before_existence:
            row = self.get(request, tx, key)
            self.authorize(request, action, row)
            return row
        found = tx.row(self._get[self.scopes.of(request)], {"the_key": key, **caller_params(request)})
        self.authorize(request, action, found if found is not None else {})
        if found is None:
            raise self.style.not_found(self, key)
        return found

    def authorize(self, request: Request, action: str, target: Mapping[str, Any] | Row | None = None) -> None:
        rule = self.policy.get(action)
        if rule is not None:
            request.authorize(rule, self.target(target) if isinstance(target, sa.Row) else target)

    def target(self, row: Row) -> dict[str, Any]:
        """A row as policy rules read it: its columns, and the names older rules use."""
        if self.style.target is not None:
            return self.style.target(self, row)
        target = dict(row._mapping)
        if "project_id" in target:
            target["tenant_id"] = target["project_id"]
        return target

    # --- the caller's body -------------------------------------------------------------------------------------------

    def _settable(self, method: str, version: Version | None) -> dict[str, Field]:
        chosen: dict[str, Field] = {}
        for f in self.fields:
            if getattr(f, method) and (
                version is None or ((f.since is None or version >= f.since) and (f.until is None or version <= f.until))
            ):
                chosen[f.name] = f
        return chosen

    def body_schema(self, method: str, version: Version | None = None) -> dict[str, Any]:
        """The JSON schema of a create or update body."""
        fields = self._settable(method, version)
        required = [f.name for f in fields.values() if method == "create" and f.default is REQUIRED]
        inner: dict[str, Any] = {"type": "object", "properties": {name: f.schema() for name, f in fields.items()}}
        inner["additionalProperties"] = self.style.additional_properties or self.style.unknown_attribute is not None
        if required:
            inner["required"] = required
        envelope = self.collection or self.singular
        return {"type": "object", "properties": {envelope: inner}, "required": [envelope], "additionalProperties": False}

    def _schemas(self, method: str) -> list[tuple[Version, dict[str, Any]]] | dict[str, Any]:
        borders = {f.since for f in self.fields if f.since} | {(f.until[0], f.until[1] + 1) for f in self.fields if f.until}
        if not borders:
            return self.body_schema(method)
        return [((0, 0), self.body_schema(method, (0, 0)))] + [(border, self.body_schema(method, border)) for border in sorted(borders)]

    def _accept(self, request: Request, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
        fields = self._settable(method, request.microversion)
        unknown = [name for name in given if name not in fields]
        if unknown and self.style.unknown_attribute is not None:
            if method == "update" and unknown[0] in self.by_name and self.style.read_only is not None:
                raise self.style.read_only(self, unknown[0])
            raise self.style.unknown_attribute(self, unknown, method)
        for name in given:
            rule = getattr(fields[name], method) if name in fields else True
            if isinstance(rule, str) and not request.allows(rule):
                raise PolicyNotAuthorized(rule, f"(rule:{rule}) is disallowed by policy")
        values = {name: value for name, value in given.items() if name in fields}
        if self.unknown is not None and unknown:
            values[self.unknown] = {name: given[name] for name in unknown if name not in self.by_name and name != self.unknown}
        return values

    def accept_create(self, request: Request, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What the caller sets, checked against attribute policies, completed with defaults. Keys are API names."""
        values = self._accept(request, "create", request.body[self.collection or self.singular] if given is None else given)
        for f in self.fields:
            if f.name not in values and f.default is not None and f.default is not REQUIRED:
                values[f.name] = f.default() if callable(f.default) else f.default
        return values

    def accept_update(self, request: Request, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._accept(request, "update", request.body[self.collection or self.singular] if given is None else given)

    def stored(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """API names to columns; what is not stored is left out."""
        columns = self._index
        out: dict[str, Any] = {}
        for name, value in values.items():
            f = self.by_name.get(name)
            column = f.stored_as if f else name
            if column in columns:
                out[column] = value
        return out

    # --- rows --------------------------------------------------------------------------------------------------------

    def insert(self, tx: Transaction, request: Request | None, values: Mapping[str, Any]) -> Row:
        """Write a new row, with id, owner and times where the table has them, and its event. No request: what the cloud does by itself."""
        row = self.stored(values)
        now = clock.now().isoformat(timespec="microseconds")
        if row.get(self.key) is None:
            row[self.key] = self.style.new_id()
        owner = request.caller.project_id if request is not None else None
        for name, value in (("project_id", owner), ("created_at", now), ("updated_at", now)):
            if name in self._index and name not in row:
                row[name] = value
        created = tx.execute(self._insert, row).one()
        record(tx, request, f"{self.singular}.create", created[self._index[self.key]], created._mapping.get("project_id"))
        return created

    def change(self, tx: Transaction, request: Request | None, row: Row, values: Mapping[str, Any]) -> Row:
        """Write changed values, the time and the revision where the table has them, and the event."""
        changes: dict[str, Any] = self.stored(values)
        if not changes:
            return row
        if self.unknown in changes:
            changes[self.unknown] = {**(row._mapping[self.unknown] or {}), **changes[self.unknown]}
        if "updated_at" in self._index:
            changes["updated_at"] = clock.now()
        if "revision_number" in self._index:
            changes["revision_number"] = row._mapping["revision_number"] + 1
        key = row._mapping[self.key]
        changed = tx.execute(self._update(tuple(changes)), {"the_key": key, **{f"v_{n}": v for n, v in changes.items()}}).one()
        record(tx, request, f"{self.singular}.update", key, row._mapping.get("project_id"), {"changed": sorted(changes)})
        return changed

    def remove(self, tx: Transaction, request: Request | None, row: Row) -> None:
        key = row._mapping[self.key]
        tx.execute(self._delete, {"the_key": key})
        record(tx, request, f"{self.singular}.delete", key, row._mapping.get("project_id"))

    # --- showing -----------------------------------------------------------------------------------------------------

    def _plan(self, request: Request) -> "_Plan":
        version = request.microversion
        granted = tuple(request.allows(rule) for _, rule in self._guarded)
        plan = self._plans.get((version, granted))
        if plan is None:
            hidden = {name for (name, _), allowed in zip(self._guarded, granted, strict=True) if not allowed}
            columns: dict[str, int] = {}
            converted: list[tuple[str, Callable[[Any], Any]]] = []
            for f in self.fields:
                column = f.stored_as
                inside = version is None or ((f.since is None or version >= f.since) and (f.until is None or version <= f.until))
                if f.view and column and inside and f.name not in hidden:
                    columns[f.name] = self._index[column]
                    show = f.show or (self.style.time if f.kind.is_time else None)
                    if show is not None:
                        converted.append((f.name, show))
            plan = self._plans[version, granted] = _Plan(tuple(columns), tuple(columns.values()), tuple(converted))
        return plan

    @cached_property
    def _guarded(self) -> list[tuple[str, str]]:
        """The names of fields that a policy rule decides on, and the rules."""
        return [(f.name, f.view) for f in self.fields if isinstance(f.view, str)]

    def views(self, request: Request, tx: Transaction, rows: Sequence[Row], only: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Rows as this caller, at this microversion, sees them."""
        plan = self._plan(request)
        shown = [plan.item(row) for row in rows]
        if self.unknown is not None:
            index = self._index[self.unknown]
            for item, row in zip(shown, rows, strict=True):
                others: dict[str, Any] = row[index] or {}
                item.update({name: value for name, value in others.items() if name not in self.by_name})
        if self.expand is not None and rows:
            for item, more in zip(shown, self.expand(tx, request, rows), strict=True):
                item.update(more)
        if self.style.self_link is not None:
            for item in shown:
                self.style.self_link(request, self, item)
        if only:
            shown = [{name: item[name] for name in only if name in item} for item in shown]
        return shown

    def render(self, request: Request, tx: Transaction, row: Row, only: Sequence[str] = ()) -> dict[str, Any]:
        """One row in its envelope."""
        return {self.collection or self.singular: self.views(request, tx, [row], only)[0]}

    # --- what is answered ------------------------------------------------------------------------------------------------

    @cached_property
    def answer(self) -> Record:
        """The schema of one as it is shown, from the fields."""
        keys = {f.name: f.answer_key() for f in self.fields if f.view}
        title = self.schema_title or "".join(word.capitalize() for word in re.split(r"[-_ ]", self.singular))
        return Record(title, {**keys, **self.adds, **self.style.link_keys(self)}, self.unknown is not None)

    @cached_property
    def answer_one(self) -> Record:
        """The schema of one in its envelope."""
        return envelope(self.collection or self.singular, self.answer)

    @cached_property
    def answer_list(self) -> Record:
        """The schema of a list of them."""
        return Record("", {self.plural: many(self.answer), **self.style.list_keys(self)})

    # --- lists -------------------------------------------------------------------------------------------------------

    def page(
        self, request: Request, tx: Transaction, query: ListQuery, extra: Any = None, extra_params: Mapping[str, Any] | None = None
    ) -> Sequence[Row]:
        """The rows of one page, in order.

        `extra` is a further clause, the same object every time (it is part of the statement's key); `extra_params` are what it binds.
        """
        scope = self._clauses[self.scopes.of(request)]
        if extra is not None:
            scope = extra if scope is None else list_queries.both(scope, extra)
        if not query.sorts:
            query.sorts = list(self.default_sort)
        if not any(name == self.key for name, _ in query.sorts):
            query.sorts.append((self.key, query.sorts[-1][1] if query.sorts else "asc"))
        params: dict[str, Any] = {**caller_params(request), **(extra_params or {})}
        if query.marker is not None:
            found = tx.row(
                list_queries.marker_statement(self.table, scope, self.key, tuple(query.sorts)), {"marker": query.marker, **params}
            )
            if found is None:
                fault = self._unknown_marker(query.marker)
                if fault is not None:
                    raise fault
                query.marker = None
            else:
                params.update(found._mapping)
        params.update({f"f{i}": value for i, value in enumerate(query.filters.values())})
        params.update(limit=query.limit, offset=query.offset)
        rows = tx.rows(list_queries.statement(self.table, scope, query.shape()), params)
        return rows[::-1] if query.reverse else rows

    def _unknown_marker(self, marker: str) -> Exception | None:
        """What to answer to a page after something that is not there; None: the first page."""
        if self.style.bad_marker is None:
            return BadRequest(f"Marker {marker} was not found.")
        return self.style.bad_marker(self, marker)

    def count(self, request: Request, tx: Transaction, query: ListQuery) -> int:
        """How many rows the query finds on all its pages."""
        scope = self._clauses[self.scopes.of(request)]
        params = {**caller_params(request), **{f"f{i}": value for i, value in enumerate(query.filters.values())}}
        return int(tx.scalar(list_queries.count_statement(self.table, scope, tuple(query.filters)), params))

    # --- the standard operations -------------------------------------------------------------------------------------

    def list(self, request: Request, tx: Transaction) -> Any:
        """List them."""
        self.authorize(request, "list")
        query = self.style.parse_list(request, self)
        rows = self.page(request, tx, query)
        return self.style.list_envelope(request, self, self.views(request, tx, rows, query.fields), query)

    def show(self, request: Request, tx: Transaction) -> Any:
        """Show one."""
        row = self.allowed(request, tx, "show")
        return self.render(request, tx, row, request.query_all("fields"))

    def create(self, request: Request, tx: Transaction) -> Any:
        """Create one."""
        self.authorize(request, "create")
        return self.render(request, tx, self.insert(tx, request, self.accept_create(request)))

    def update(self, request: Request, tx: Transaction) -> Any:
        """Update one."""
        row = self.allowed(request, tx, "update")
        return self.render(request, tx, self.change(tx, request, row, self.accept_update(request)))

    def delete(self, request: Request, tx: Transaction) -> None:
        """Delete one."""
        row = self.allowed(request, tx, "delete")
        self.remove(tx, request, row)

    def routes(
        self,
        *,
        only: Sequence[str] = ACTIONS,
        since: Version | None = None,
        until: Version | None = None,
        query: dict[str, Any] | None = None,
        **special: Handler,
    ) -> Routes:
        """The operations as routes; `special` replaces the standard handler of an action. More may be added to what is returned.

        `query` is the schema of the parameters of the list, for services that check more of them than what a filter can be.
        """
        routes = Routes(self.path)
        style = self.style
        one = "/{id}"
        standard: dict[str, tuple[str, str, dict[str, Any]]] = {
            "list": ("GET", "", {"query": query}),
            "show": ("GET", one, {}),
            "create": ("POST", "", {"status": style.create_status}),
            "update": (style.update_method, one, {"status": style.update_status}),
            "delete": ("DELETE", one, {"status": style.delete_status}),
        }
        for action in only:
            method, path, options = standard[action]
            if action in ("create", "update"):
                options["body"] = self._schemas(action)
            if action != "delete":
                options["answer"] = self.answer_list if action == "list" else self.answer_one
            elif style.delete_status != 204:
                options["answer"] = NOTHING
            handler = special.get(action) or getattr(self, action)
            mode = "read" if action in ("list", "show") else "write"
            routes.add(method, path, handler, mode, policy=self.policy.get(action), since=since, until=until, **options)
        return routes
