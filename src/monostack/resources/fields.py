"""Fields of a declared resource: what they hold, who may set and see them, from which microversion on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa

from monostack.db.columns import Json, Timestamp
from monostack.http.answers import Key, maybe
from monostack.http.routing import Version


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of value: its column, its JSON schema, how a filter's text becomes a value.

    accept: for services that normalise what a caller gives ("80" is 80); a ValueError's text is the reason to refuse it.
    answer: the schema of what is shown, where it is not that of what is given without its limits.
    """

    column: Any
    schema: dict[str, Any]
    parse: Callable[[str], Any] = str
    is_time: bool = False
    accept: Callable[[Any], Any] | None = None
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute of a resource.

    name: in the API. column: in the table ("" is the same; None: not stored, a special function or `expand` deals with it).
    answer: the schema of what is shown, where `show` or `expand` make it another than the kind's.
    default: on creation when the caller gives none; REQUIRED refuses; a callable is called.
    create, update: may the caller set it; a text is the policy rule that decides. view: likewise for showing.
    """

    name: str
    kind: Kind
    default: Any = None
    create: bool | str = False
    update: bool | str = False
    view: bool | str = True
    nullable: bool = False
    column: str | None = ""
    filter: bool = True
    sort: bool = True
    since: Version | None = None
    until: Version | None = None
    index: bool = False
    unique: bool = False
    references: str | None = None  # "table.column", deleted with it
    show: Callable[[Any], Any] | None = field(default=None, compare=False)  # stored value -> shown value
    answer: Any = field(default=None, compare=False)

    @property
    def stored_as(self) -> str | None:
        return self.name if self.column == "" else self.column

    def schema(self) -> dict[str, Any]:
        document = dict(self.kind.schema)
        if self.nullable and "type" in document:
            kind: str | list[str] = document["type"]
            kinds = [kind] if isinstance(kind, str) else kind
            document["type"] = kinds if "null" in kinds else [*kinds, "null"]
            if "enum" in document:
                document["enum"] = [*document["enum"], None]
        return document

    def answer_key(self) -> Key:
        """What is shown of it. A rule that decides who sees it makes it optional."""
        schema = self.answer or self.kind.answer or unlimited(self.kind.schema)
        if self.nullable and self.answer is None:
            schema = maybe(schema)
        return Key(schema, self.since, self.until, optional=isinstance(self.view, str))

    def sql_column(self, *, primary: bool = False) -> sa.Column[Any]:
        constraints = [sa.ForeignKey(self.references, ondelete="CASCADE")] if self.references else []
        nullable = not primary and (self.nullable or self.default is None)
        return sa.Column(
            self.stored_as,
            self.kind.column,
            *constraints,
            primary_key=primary,
            nullable=nullable,
            index=self.index or None,
            unique=self.unique or None,
        )


_LIMITS = {"minLength", "maxLength", "pattern", "minimum", "maximum", "minItems", "maxItems", "uniqueItems", "minProperties", "required"}


def unlimited(schema: Any) -> Any:
    """The schema of a value without what limits callers only; what is stored may be the cloud's own."""
    if isinstance(schema, list):
        return [unlimited(one) for one in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {key: unlimited(one) for key, one in inner.items()} if name == "properties" else unlimited(inner)
        for name, inner in cast("dict[str, Any]", schema).items()
        if name not in _LIMITS
    }


def text(maximum: int = 255, minimum: int = 0, pattern: str | None = None) -> Kind:
    schema: dict[str, Any] = {"type": "string", "maxLength": maximum}
    if minimum:
        schema["minLength"] = minimum
    if pattern:
        schema["pattern"] = pattern
    return Kind(sa.String(maximum) if maximum <= 4096 else sa.Text(), schema)


def uuid(length: int = 64) -> Kind:
    return Kind(sa.String(length), {"type": "string", "maxLength": length})


TRUE = {"true", "1", "yes", "on", "t", "y"}
FALSE = {"false", "0", "no", "off", "f", "n"}


def parse_flag(value: str) -> bool:
    """Raises ValueError for anything that is not a boolean word of oslo.utils' strict list."""
    if value.strip().lower() in TRUE:
        return True
    if value.strip().lower() in FALSE:
        return False
    raise ValueError(f"'{value}' is not a boolean.")


def flag() -> Kind:
    return Kind(sa.Boolean(), {"type": "boolean"}, parse_flag)


def integer(minimum: int = -(2**31), maximum: int = 2**31 - 1) -> Kind:
    return Kind(sa.BigInteger() if maximum >= 2**31 else sa.Integer(), {"type": "integer", "minimum": minimum, "maximum": maximum}, int)


def json_value(schema: dict[str, Any] | None = None) -> Kind:
    return Kind(Json(), schema or {})


def choice(*values: str) -> Kind:
    return Kind(sa.String(64), {"type": "string", "enum": list(values)})


def time() -> Kind:
    return Kind(Timestamp(), {"type": "string"}, is_time=True)
