"""The tables of metadata definitions."""

import sqlalchemy as sa

from monostack.db import Flag, Id, Json, Name, Timestamp, table

namespaces = table(
    "metadef_namespaces",
    sa.Column("id", Id(36), primary_key=True),
    sa.Column("namespace", Name(80), nullable=False, unique=True),
    sa.Column("display_name", Name(80)),
    sa.Column("description", sa.Text),
    sa.Column("visibility", Name(32), nullable=False),
    sa.Column("protected", Flag, nullable=False),
    sa.Column("owner", Name(), index=True),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
)
# Objects, properties and tags: what a namespace consists of. `key` is the name as it has to be unique.
parts = table(
    "metadef_parts",
    sa.Column("namespace_id", sa.ForeignKey("metadef_namespaces.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("kind", Name(10), primary_key=True),
    sa.Column("key", Name(80), primary_key=True),
    sa.Column("name", Name(80), nullable=False),
    sa.Column("document", Json, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
)
resource_types = table(
    "metadef_resource_types",
    sa.Column("name", Name(80), primary_key=True),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp),
)
associations = table(
    "metadef_associations",
    sa.Column("namespace_id", sa.ForeignKey("metadef_namespaces.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.ForeignKey("metadef_resource_types.name"), primary_key=True),
    sa.Column("prefix", Name(80)),
    sa.Column("properties_target", Name(80)),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
)
