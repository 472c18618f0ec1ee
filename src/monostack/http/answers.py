"""What operations answer: JSON schemas (draft 2020-12) whose keys know the microversions that have them.

    FLAVOR = Record("Flavor", {"id": TEXT, "ram": INTEGER, "description": since((2, 55), maybe(TEXT))})

    @routes.get("/{id}", answer=envelope("flavor", FLAVOR))

A schema is a dictionary as JSON schema has it, in which a Record, and for a property a Key, may stand wherever a schema may. A record
has the keys it names and no others; a function that gives a schema stands for one that is declared further below. The tests hold every
answer of the application to what its operation declares.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

Version = tuple[int, int]
Schema = Any  # dict[str, Any] with Records in it, or a Record, or a ByVersion

TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
ID: Schema = {"type": "string", "format": "uuid"}
NULL: Schema = {"type": "null"}
TEXTS: Schema = {"type": "array", "items": TEXT}
OBJECT: Schema = {"type": "object"}
ANYTHING: Schema = {}
NOTHING: Schema = {"not": {}}
"""What a route declares whose success has no body."""

_REFERENCE = "#/components/schemas/"


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """An object of which all keys are known. One with a title is described once in a document and referred to.

    `more` is the schema of keys that are not named, where users may add some.
    """

    title: str
    keys: Mapping[str, Any]
    more: Any = False

    def with_keys(self, title: str, keys: Mapping[str, Any], without: Iterable[str] = ()) -> "Record":
        """Another that has these keys besides, and some not."""
        left_out = frozenset(without)
        kept = {name: schema for name, schema in self.keys.items() if name not in left_out}
        return Record(title, {**kept, **keys}, self.more)


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A property that not every answer has: of some microversions, or `optional` for a reason of its own."""

    schema: Any
    since: Version | None = None
    until: Version | None = None
    optional: bool = False

    def serves(self, version: Version) -> bool:
        return (self.since is None or version >= self.since) and (self.until is None or version <= self.until)

    def marks(self) -> dict[str, Any]:
        return _marks(self.since, self.until)


@dataclass(frozen=True, slots=True, eq=False)
class ByVersion:
    """Schemas by the microversion they hold from, oldest first."""

    entries: tuple[tuple[Version, Any], ...]

    def at(self, version: Version) -> Any:
        chosen = self.entries[0][1]
        for since_version, schema in self.entries:
            if version >= since_version:
                chosen = schema
        return chosen


@dataclass(frozen=True, slots=True, eq=False)
class Media:
    """A body that is no JSON: a file, a page, text."""

    content_type: str


class Answers(dict[int, Any]):
    """Schemas by status, for an operation that succeeds in several ways. A tuple holds those of one status, of which one applies."""


REFUSED = Answers()
"""What a route declares that never succeeds."""


def envelope(name: str, schema: Schema) -> Record:
    """An envelope: an object with one key."""
    return Record("", {name: schema})


def many(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def mapping(schema: Schema) -> Schema:
    """An object with keys of the users' choice."""
    return {"type": "object", "additionalProperties": schema}


def choice(*values: Any) -> Schema:
    return {"enum": list(values)}


def either(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    if isinstance(schema, dict):
        plain = cast("dict[str, Any]", schema)
        if isinstance(plain.get("type"), list) and "null" in plain["type"]:
            return plain
        if isinstance(plain.get("type"), str) and "enum" not in plain:
            return {**plain, "type": [plain["type"], "null"]}
        if set(plain) == {"enum"}:
            return {"enum": [*plain["enum"], None]}
    return either(schema, NULL)


def since(version: Version, schema: Schema, *, optional: bool = False) -> Key:
    return Key(schema, since=version, optional=optional)


def until(version: Version, schema: Schema, *, optional: bool = False) -> Key:
    return Key(schema, until=version, optional=optional)


def optional(schema: Schema) -> Key:
    return Key(schema, optional=True)


def changing(*entries: tuple[Version, Schema]) -> ByVersion:
    return ByVersion(entries)


# --- documents -----------------------------------------------------------------------------------------------------------


def _marks(first: Version | None, last: Version | None) -> dict[str, Any]:
    versions = {"min-ver": first, "max-ver": last}
    found = {name: f"{version[0]}.{version[1]}" for name, version in versions.items() if version is not None}
    return {"x-openstack": found} if found else {}


class Documents:
    """Renders schemas for one microversion, or for None all in one with each key's marked; named records are collected."""

    def __init__(self, version: Version | None) -> None:
        self.version = version
        self.components: dict[str, Any] = {}
        self._titled: dict[str, Record] = {}

    def render(self, schema: Schema) -> Any:
        if isinstance(schema, Record):
            return self._reference(schema) if schema.title else self._object(schema)
        if isinstance(schema, ByVersion):
            return self._by_version(schema)
        if isinstance(schema, Key):  # a property that stands alone
            return self.render(schema.schema)
        if isinstance(schema, Mapping):
            return {name: self.render(inner) for name, inner in cast("Mapping[str, Any]", schema).items()}
        if callable(schema):
            return self.render(schema())
        if isinstance(schema, list):
            return [self.render(inner) for inner in cast("Sequence[Any]", schema)]
        return schema

    def _reference(self, schema: Record) -> dict[str, str]:
        known = self._titled.setdefault(schema.title, schema)
        if known is not schema:
            raise ValueError(f"Two schemas have the title {schema.title}.")
        if schema.title not in self.components:
            self.components[schema.title] = {}  # it may refer to itself
            self.components[schema.title] = self._object(schema)
        return {"$ref": _REFERENCE + schema.title}

    def _by_version(self, schema: ByVersion) -> Any:
        if self.version is not None:
            return self.render(schema.at(self.version))
        return {"anyOf": [{**self.render(inner), **_marks(first, None)} for first, inner in schema.entries]}

    def _object(self, schema: Record) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        required: list[str] = []
        for name, inner in schema.keys.items():
            key = inner if isinstance(inner, Key) else Key(inner)
            if self.version is not None and not key.serves(self.version):
                continue
            marks = key.marks() if self.version is None else {}
            properties[name] = {**self.render(key.schema), **marks}
            if not key.optional and (self.version is not None or not key.marks()):
                required.append(name)
        document = {"type": "object", "properties": properties, "additionalProperties": self.render(schema.more)}
        if required:
            document["required"] = required
        return document


def document(schema: Schema, version: Version | None = None) -> dict[str, Any]:
    """A schema as one JSON document that needs no other."""
    documents = Documents(version)
    return {**documents.render(schema), "components": {"schemas": documents.components}}


def declared(answer: Any, status: int, method: str) -> Mapping[int, Any] | None:
    """What a route declares, by status. None: it declares nothing, which only answers without a body need not."""
    if isinstance(answer, Answers):
        return answer
    if answer is None:
        return Answers({status: NOTHING}) if status == 204 or method == "HEAD" else None
    return Answers({status: answer})
