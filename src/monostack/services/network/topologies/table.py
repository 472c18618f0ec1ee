"""Which network and router were made for which project."""


import sqlalchemy as sa

from monostack.db import Id, Row, Transaction, table

topologies = table(
    "network_auto_topologies",
    sa.Column("project_id", Id(), primary_key=True),
    sa.Column("network_id", Id(), sa.ForeignKey("networks.id", ondelete="CASCADE"), nullable=False),
    sa.Column("router_id", Id(), sa.ForeignKey("routers.id", ondelete="SET NULL")),
)
_INSERT = sa.insert(topologies)
_OF_PROJECT = sa.select(topologies).where(topologies.c.project_id == sa.bindparam("project"))


def find(tx: Transaction, project_id: str) -> Row | None:
    return tx.row(_OF_PROJECT, {"project": project_id})


def keep(tx: Transaction, project_id: str, network_id: str, router_id: str) -> None:
    tx.execute(_INSERT, {"project_id": project_id, "network_id": network_id, "router_id": router_id})
