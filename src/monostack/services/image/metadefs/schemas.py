"""The schemas Glance publishes of metadata definitions, by which bodies are also checked."""

from typing import Any

from monostack.core.errors import BadRequest, Forbidden
from monostack.http.answers import ANYTHING, FLAG, TEXT, TEXTS, Record, envelope, many, mapping, optional
from monostack.http.answers import OBJECT as ANY_OBJECT
from monostack.http.schema import Schema
from monostack.services.image.dialect import does_not_match

TYPES = ["array", "boolean", "integer", "number", "object", "string", None]
_TEXT: dict[str, Any] = {"type": "string"}
_NAME: dict[str, Any] = {"type": "string", "maxLength": 80}
_LINK: dict[str, Any] = {"readOnly": True, "type": "string"}
_COUNT = {"$ref": "#/definitions/positiveInteger"}
_COUNT_FROM_0 = {"$ref": "#/definitions/positiveIntegerDefault0"}
_PROPERTIES = {"$ref": "#/definitions/property"}
_ITEMS: dict[str, Any] = {"type": "object", "properties": {"type": {"type": "string", "enum": TYPES}, "enum": {"type": "array"}}}
_PROPERTY: dict[str, Any] = {
    "name": _NAME,
    "title": _TEXT,
    "description": _TEXT,
    "operators": {"type": "array", "items": _TEXT},
    "type": {"type": "string", "enum": TYPES},
    "required": {"$ref": "#/definitions/stringArray"},
    "minimum": {"type": "number"},
    "maximum": {"type": "number"},
    "maxLength": _COUNT,
    "minLength": _COUNT_FROM_0,
    "pattern": {"type": "string", "format": "regex"},
    "enum": {"type": "array"},
    "readonly": {"type": "boolean"},
    "default": {},
    "items": _ITEMS,
    "maxItems": _COUNT,
    "minItems": _COUNT_FROM_0,
    "uniqueItems": {"type": "boolean", "default": False},
    "additionalItems": {"type": "boolean"},
}
_COUNTS: dict[str, Any] = {
    "positiveInteger": {"type": "integer", "minimum": 0},
    "positiveIntegerDefault0": {"allOf": [_COUNT, {"default": 0}]},
}
_NAMES: dict[str, Any] = {"type": "array", "items": _TEXT, "uniqueItems": True}
_DEFINITIONS: dict[str, Any] = {
    **_COUNTS,
    "stringArray": _NAMES,
    "property": {
        "type": "object",
        "additionalProperties": {"type": "object", "required": ["title", "type"], "properties": _PROPERTY},
    },
}
_PROPERTY_DEFINITIONS: dict[str, Any] = {
    **_COUNTS,
    "stringArray": {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True},
}


def _said(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def _moment(description: str) -> dict[str, Any]:
    return {"type": "string", "readOnly": True, "description": description, "format": "date-time"}


def _named(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": dict.fromkeys(names, _TEXT)}


def _schema(name: str, properties: dict[str, Any], required: list[str], definitions: dict[str, Any] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "properties": properties, "additionalProperties": False}
    if definitions is not None:
        found["definitions"] = definitions
    return {**found, "required": required} if required else found


_OBJECT_IN_NAMESPACE = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "description": _TEXT,
        "required": {"$ref": "#/definitions/stringArray"},
        "properties": _PROPERTIES,
    },
}
NAMESPACE = _schema(
    "namespace",
    {
        "namespace": _said("The unique namespace text.", maxLength=80),
        "display_name": _said("The user friendly name for the namespace. Used by UI if available.", maxLength=80),
        "description": _said("Provides a user friendly description of the namespace.", maxLength=500),
        "visibility": _said("Scope of namespace accessibility.", enum=["public", "private"]),
        "protected": {"type": "boolean", "description": "If true, namespace will not be deletable."},
        "owner": _said("Owner of the namespace.", maxLength=255),
        "created_at": _moment("Date and time of namespace creation"),
        "updated_at": _moment("Date and time of the last namespace modification"),
        "schema": _LINK,
        "self": _LINK,
        "resource_type_associations": {"type": "array", "items": _named("name", "prefix", "properties_target")},
        "properties": _PROPERTIES,
        "objects": {"type": "array", "items": _OBJECT_IN_NAMESPACE},
        "tags": {"type": "array", "items": _named("name")},
    },
    ["namespace"],
    _DEFINITIONS,
)
OBJECT = _schema(
    "object",
    {
        "name": _NAME,
        "description": _TEXT,
        "required": {"$ref": "#/definitions/stringArray"},
        "properties": _PROPERTIES,
        "schema": _LINK,
        "self": _LINK,
        "created_at": _moment("Date and time of object creation"),
        "updated_at": _moment("Date and time of the last object modification"),
    },
    ["name"],
    _DEFINITIONS,
)
PROPERTY = _schema("property", _PROPERTY, ["type", "title", "name"], _PROPERTY_DEFINITIONS)
TAG = _schema(
    "tag",
    {
        "name": _NAME,
        "created_at": _moment("Date and time of tag creation"),
        "updated_at": _moment("Date and time of the last tag modification"),
    },
    ["name"],
)
TAG_LIST = _schema(
    "tags",
    {"tags": {"type": "array", "items": {**_named("name"), "required": ["name"], "additionalProperties": False}}},
    [],
)
RESOURCE_TYPE = _schema(
    "resource_type_association",
    {
        "name": _said(
            "Resource type names should be aligned with Heat resource types whenever possible: "
            "https://docs.openstack.org/heat/latest/template_guide/openstack.html",
            maxLength=80,
        ),
        "prefix": _said(
            "Specifies the prefix to use for the given resource type. Any properties in the namespace should be prefixed with this prefix "
            "when being applied to the specified resource type. Must include prefix separator (e.g. a colon :).",
            maxLength=80,
        ),
        "properties_target": _said(
            "Some resource types allow more than one key / value pair per instance.  For example, Cinder allows user and image metadata on "
            "volumes. Only the image properties metadata is evaluated by Nova (scheduling or drivers). This property allows a namespace "
            "target to remove the ambiguity.",
            maxLength=80,
        ),
        "created_at": _moment("Date and time of resource type association"),
        "updated_at": _moment("Date and time of the last resource type association modification"),
    },
    ["name"],
)


def _collection(name: str, item: dict[str, Any], kind: str = "array") -> dict[str, Any]:
    """The schema of a list: the items' definitions become the list's own."""
    inner = {key: value for key, value in item.items() if key != "definitions"}
    items = {"items": inner} if kind == "array" else {"additionalProperties": inner}
    links = [("first", "first"), ("next", "next"), ("describedby", "schema")]
    found: dict[str, Any] = {
        "name": name,
        "properties": {name: {"type": kind, **items}, **dict.fromkeys(("first", "next", "schema"), _TEXT)},
        "links": [{"rel": rel, "href": f"{{{href}}}"} for rel, href in links],
    }
    return {**found, "definitions": item["definitions"]} if "definitions" in item else found


PUBLISHED: dict[str, dict[str, Any]] = {
    "namespace": NAMESPACE,
    "namespaces": _collection("namespaces", NAMESPACE),
    "object": OBJECT,
    "objects": _collection("objects", OBJECT),
    "property": PROPERTY,
    "properties": _collection("properties", {**PROPERTY, "required": ["type", "title"]}, "object"),
    "tag": TAG,
    "tags": _collection("tags", TAG),
    "resource_type": RESOURCE_TYPE,
    "resource_types": _collection("resource_type_associations", RESOURCE_TYPE),
}


class Body:
    """Checks bodies by a published schema. `read_only` are attributes nobody may give."""

    def __init__(self, document: dict[str, Any], *read_only: str) -> None:
        self.name = document["name"]
        self._schema = Schema(document)
        self._read_only = (*read_only, "created_at", "updated_at")

    def check(self, body: Any) -> dict[str, Any]:
        """The body. Raises Forbidden for what is read-only, BadRequest for what breaks the schema."""
        if not isinstance(body, dict):
            raise BadRequest("Unexpected body type. Expected list/dict.")
        for name in self._read_only:
            if name in body:
                raise Forbidden(f"Attribute '{name}' is read-only.")
        self.match(body)
        return body

    def match(self, document: Any) -> None:
        error = self._schema.error(document)
        if error is not None:
            raise does_not_match(self.name, error)


# --- what is answered ------------------------------------------------------------------------------------------------------

_TIMES = {"created_at": TEXT, "updated_at": TEXT}
_LINKS = {"self": TEXT, "schema": TEXT}
PROPERTY_ANSWER = Record("Property", {name: TEXT if name == "name" else optional(ANYTHING) for name in _PROPERTY})
_IN_OBJECT = {"description": optional(TEXT), "required": optional(TEXTS), "properties": optional(mapping(ANY_OBJECT))}
OBJECT_ANSWER = Record("Object", {"name": TEXT, **_IN_OBJECT, **_TIMES, **_LINKS})
TAG_ANSWER = Record("Tag", {"name": TEXT, **_TIMES})
TAG_NAMES = envelope("tags", many(Record("TagName", {"name": TEXT})))
_ASSOCIATION = {"name": TEXT, "prefix": optional(TEXT), "properties_target": optional(TEXT)}
ASSOCIATION_ANSWER = Record("ResourceTypeAssociation", {**_ASSOCIATION, **_TIMES})
RESOURCE_TYPE_ANSWER = Record("ResourceType", {"name": TEXT, "created_at": TEXT, "updated_at": optional(TEXT)})
NAMESPACE_ANSWER = Record(
    "Namespace",
    {
        "namespace": TEXT, "display_name": optional(TEXT), "description": optional(TEXT), "visibility": TEXT, "protected": FLAG,
        "owner": TEXT, **_TIMES, **_LINKS,
    },
)  # fmt: skip
_PROPERTIES_BY_NAME = optional(mapping(ANY_OBJECT))
NAMESPACE_IN_FULL = NAMESPACE_ANSWER.with_keys(
    "NamespaceInFull",
    {
        "objects": optional(many(OBJECT_ANSWER)), "properties": _PROPERTIES_BY_NAME, "tags": optional(many(ANYTHING)),
        "resource_type_associations": optional(many(ASSOCIATION_ANSWER)),
    },
)  # fmt: skip
NAMESPACE_AS_GIVEN = NAMESPACE_ANSWER.with_keys(
    "NamespaceAsGiven",
    {
        "objects": optional(many(Record("ObjectAsGiven", {"name": TEXT, **_IN_OBJECT}))), "properties": _PROPERTIES_BY_NAME,
        "tags": optional(many(Record("TagAsGiven", {"name": TEXT}))),
        "resource_type_associations": optional(many(Record("AssociationAsGiven", _ASSOCIATION))),
    },
)  # fmt: skip
