"""Metadata of volumes and of snapshots: the same calls for both."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from monostack.core.errors import BadRequest, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import NOTHING, TEXT, Media, envelope, mapping
from monostack.resources import Resource
from monostack.services.volume.dialect import accepted
from monostack.services.volume.parameters import METADATA, enveloped

ETAGS = (3, 15)


def _always(row: Row, verb: str) -> None:
    """Nothing about the row forbids a change."""


_ALL = envelope("metadata", mapping(TEXT))
_ITEM = envelope("meta", mapping(TEXT))


@dataclass(frozen=True)
class ItemMetadata:
    """The metadata calls of one kind of resource.

    rules: verb (get, create, update, delete) -> policy. items: the schema of the metadata; open: other keys of a body are overlooked.
    check raises a fault when the row's state forbids a change ("Updating", "Deleting"). etags: from 3.15 on answers are tagged, and
    changes may name the tag they expect.
    """

    resource: Resource
    find: Callable[[Transaction, Request], Row]
    rules: Mapping[str, str]
    items: Mapping[str, Any] = field(default_factory=lambda: METADATA)
    open: bool = False
    check: Callable[[Row, str], None] = _always
    etags: bool = False

    def routes(self) -> Routes:
        routes = Routes(f"{self.resource.path}/{{id}}/metadata")
        single = {**self.items, "minProperties": 1, "maxProperties": 1}
        whole, one = enveloped("metadata", dict(self.items), open=self.open), enveloped("meta", single, open=self.open)
        routes.get("", policy=self.rules["get"], answer=(_ALL, Media("text/html")) if self.etags else _ALL)(self.show)
        routes.post("", policy=self.rules["create"], body=whole, answer=_ALL)(self.add)
        routes.put("", policy=self.rules["update"], body=whole, answer=_ALL)(self.replace)
        routes.get("/{key}", policy=self.rules["get"], answer=_ITEM)(self.show_item)
        routes.put("/{key}", policy=self.rules["update"], body=one, answer=_ITEM)(self.set_item)
        routes.delete("/{key}", policy=self.rules["delete"], status=200, answer=NOTHING)(self.delete_item)
        return routes

    def _row(self, request: Request, tx: Transaction, verb: str) -> Row:
        row = self.find(tx, request)
        request.authorize(self.rules[verb], self.resource.target(row))
        return row

    def _missing(self, request: Request) -> NotFound:
        return NotFound(f"{self.resource.title} {request.params['id']} has no metadata with key {request.params['key']}.")

    def _tagged(self, request: Request) -> bool:
        return self.etags and request.at_least(*ETAGS)

    def _expected(self, request: Request, row: Row) -> bool:
        """Is the metadata what the change was made for?"""
        wanted = request.headers.get("if-match")
        if not wanted or not self._tagged(request):
            return True
        return "*" in wanted or _tag(row.meta)[0] in [tag.strip().removeprefix("W/").strip('"') for tag in wanted.split(",")]

    def _write(self, request: Request, tx: Transaction, row: Row, items: dict[str, Any]) -> dict[str, Any]:
        self.check(row, "Updating")
        self.resource.change(tx, request, row, {"metadata": items})
        return items

    def show(self, request: Request, tx: Transaction) -> Any:
        """Show all metadata."""
        row = self._row(request, tx, "get")
        if not self._tagged(request):
            return {"metadata": row.meta}
        tag, body = _tag(row.meta)
        return Response(body, 200, {"etag": tag}, content_type="text/html; charset=UTF-8")

    def add(self, request: Request, tx: Transaction) -> Any:
        """Add metadata, or change it."""
        row = self._row(request, tx, "create")
        return {"metadata": self._write(request, tx, row, {**row.meta, **(request.body["metadata"] or {})})}

    def replace(self, request: Request, tx: Transaction) -> Any:
        """Replace all metadata."""
        row = self._row(request, tx, "update")
        if not self._expected(request, row):
            return accepted(412)
        return {"metadata": self._write(request, tx, row, dict(request.body["metadata"] or {}))}

    def show_item(self, request: Request, tx: Transaction) -> Any:
        """Show one metadata item."""
        row, key = self._row(request, tx, "get"), request.params["key"]
        if key not in row.meta:
            raise self._missing(request)
        return {"meta": {key: row.meta[key]}}

    def set_item(self, request: Request, tx: Transaction) -> Any:
        """Set one metadata item."""
        if request.params["key"] not in request.body["meta"]:
            raise BadRequest("Request body and URI mismatch")
        row = self._row(request, tx, "update")
        if not self._expected(request, row):
            return accepted(412)
        self._write(request, tx, row, {**row.meta, **request.body["meta"]})
        return {"meta": request.body["meta"]}

    def delete_item(self, request: Request, tx: Transaction) -> Response:
        """Delete one metadata item."""
        row, key = self._row(request, tx, "get"), request.params["key"]
        if key not in row.meta:
            raise self._missing(request)
        request.authorize(self.rules["delete"], self.resource.target(row))
        self.check(row, "Deleting")
        self.resource.change(tx, request, row, {"metadata": {name: value for name, value in row.meta.items() if name != key}})
        return accepted(200)


def _tag(metadata: dict[str, Any]) -> tuple[str, bytes]:
    """The entity tag of metadata, and the text it is of. No secret: MD5 as Cinder's tags are."""
    text = json.dumps({"metadata": metadata}).encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest(), text
