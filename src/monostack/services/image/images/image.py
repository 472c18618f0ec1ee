"""One image with its properties and tags: looked up as its caller may know it, judged by the policies, shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from monostack.core.errors import NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.http.answers import FLAG, ID, INTEGER, OBJECT, TEXT, TEXTS, Media, Record, many, maybe, optional
from monostack.resources.style import seconds_z
from monostack.services.image.images import table
from monostack.services.image.policy import allows, is_admin, refusal
from monostack.services.image.store import Store

if TYPE_CHECKING:
    from monostack.cloud import Cloud

STORE = "file"  # the one store's name
WITH_BITS = ("active", "deactivated")
LOCATIONS = many(Record("Location", {"url": TEXT, "metadata": OBJECT}))
ANSWER = Record(
    "Image",
    {
        "id": ID, "name": maybe(TEXT), "status": TEXT, "visibility": TEXT, "protected": FLAG, "owner": maybe(TEXT), "os_hidden": FLAG,
        "disk_format": maybe(TEXT), "container_format": maybe(TEXT), "size": maybe(INTEGER), "virtual_size": maybe(INTEGER),
        "checksum": maybe(TEXT), "os_hash_algo": maybe(TEXT), "os_hash_value": maybe(TEXT), "min_ram": INTEGER, "min_disk": INTEGER,
        "created_at": TEXT, "updated_at": TEXT, "tags": TEXTS, "self": TEXT, "file": TEXT, "schema": TEXT, "stores": optional(TEXT),
        "locations": optional(LOCATIONS),
    },
    maybe(TEXT),  # the properties that users set
)  # fmt: skip
FILE = Media("application/octet-stream")


@dataclass(slots=True)
class Image:
    """`values` are the columns by name."""

    values: dict[str, Any]
    properties: dict[str, str] = field(default_factory=dict[str, str])
    tags: list[str] = field(default_factory=list[str])

    @property
    def id(self) -> str:
        return self.values["id"]

    @property
    def status(self) -> str:
        return self.values["status"]

    def target(self, request: Request) -> dict[str, Any]:
        """As policy rules read it. Whoever finds a shared image without owning it has found it as its member."""
        values = self.values
        member = request.caller.project_id if values["visibility"] == "shared" and values["owner"] != request.caller.project_id else None
        return {**self.properties, **values, "project_id": values["owner"], "member_id": member}

    def locations(self, cloud: "Cloud") -> list[dict[str, Any]]:
        """Where the bits are, each with a URL and metadata: where its users say, or else in the store."""
        if self.status not in WITH_BITS:
            return []
        return self.values["locations"] or [{"url": f"file://{Store.of(cloud).path(self.id)}", "metadata": {"store": STORE}}]

    def view(self, cloud: "Cloud") -> dict[str, Any]:
        """As clients see it."""
        shown: dict[str, Any] = dict(self.properties)
        for name in table.SHOWN:
            shown[name] = self.values[name]
        url = f"/v2/images/{self.id}"
        shown.update(
            created_at=seconds_z(shown["created_at"]),
            updated_at=seconds_z(shown["updated_at"]),
            tags=self.tags,
            self=url,
            file=f"{url}/file",
            schema="/v2/schemas/image",
        )
        if self.status in WITH_BITS:
            shown["stores"] = STORE
        if cloud.config.image.show_multiple_locations:
            shown["locations"] = self.locations(cloud)
        return shown


def complete(tx: Transaction, rows: Sequence[Row]) -> list[Image]:
    """Rows with their properties and tags, in one further statement."""
    found = {row.id: Image(dict(row._mapping)) for row in rows}
    if found:
        for image_id, name, value in tx.rows(table.ATTRIBUTES, {"the_ids": list(found)}):
            if value is None:
                found[image_id].tags.append(name)
            else:
                found[image_id].properties[name] = value
    return list(found.values())


def missing(image_id: str) -> NotFound:
    return NotFound(f"No image found with ID {image_id}")


def find(tx: Transaction, request: Request, image_id: str) -> Image:
    """The image as the caller may know it. Raises NotFound."""
    if not image_id:
        raise NotFound()
    params: Mapping[str, Any] = {"the_id": image_id, "caller_project": request.caller.project_id}
    rows = tx.rows(table.GET[is_admin(request)], params)
    if not rows:
        raise missing(image_id)
    return complete(tx, rows)[0]


def authorize(request: Request, image: Image, rule: str) -> None:
    """Raises what Glance answers when the rule refuses: a caller who may not see the image is told that there is none."""
    target = image.target(request)
    if allows(request, rule, target):
        return
    if rule == "get_image" or not allows(request, "get_image", target):
        raise NotFound()
    raise refusal(rule)


def get(tx: Transaction, request: Request, image_id: str, rule: str = "get_image") -> Image:
    """`find` and `authorize` in one."""
    image = find(tx, request, image_id)
    authorize(request, image, rule)
    return image
