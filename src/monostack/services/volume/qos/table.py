"""The declaration of QoS specs. A type that has some is told by its qos_specs_id."""

from dataclasses import replace

import sqlalchemy as sa

from monostack.core.errors import NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.resources import Field, Resource, json_value, text, time, uuid
from monostack.services.volume.style import STYLE
from monostack.services.volume.types.table import TYPES


def _missing(id: str) -> NotFound:
    return NotFound(f"No such QoS spec {id}.", kind="QoSSpecsNotFound")


QOS = Resource(
    "qos_specs",
    "qos_specs",
    replace(STYLE, bad_marker=lambda resource, id: _missing(id)),
    path="/v3/qos-specs",
    fields=(
        Field("id", uuid()),
        Field("name", text(), unique=True),
        Field("consumer", text(16)),  # front-end, back-end, both
        Field("specs", json_value(), default=dict),
        Field("created_at", time(), view=False),
        Field("updated_at", time(), view=False),
    ),
    table_name="volume_qos_specs",
)
ONE = sa.select(QOS.table).where(QOS.table.c.id == sa.bindparam("the_id"))
BY_NAME = sa.select(QOS.table.c.id).where(QOS.table.c.name == sa.bindparam("the_name"))
_t = TYPES.table.c
TYPES_OF = sa.select(_t.id, _t.name).where(_t.qos_specs_id == sa.bindparam("the_specs")).order_by(_t.created_at, _t.id)
DISASSOCIATE_ALL = sa.update(TYPES.table).where(_t.qos_specs_id == sa.bindparam("the_specs")).values(qos_specs_id=None)


def find(tx: Transaction, request: Request) -> Row:
    """The specs in the path. Raises NotFound."""
    row = tx.row(ONE, {"the_id": request.params["id"]})
    if row is None:
        raise _missing(request.params["id"])
    return row
