"""The numbers of flavors, which migrations are listed with.

Nova shows those its database counts flavors with. They stay when a flavor goes; one that is made anew under the same id has the same again.
"""

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from monostack.db import Name, Transaction, table

flavor_numbers = table(
    "flavor_numbers",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("flavor_id", Name(), nullable=False, unique=True),
)
_n = flavor_numbers.c
_OF = sa.select(flavor_numbers).where(_n.flavor_id.in_(sa.bindparam("the_flavors", expanding=True)))
_INSERT = sa.insert(flavor_numbers)


def give(tx: Transaction, flavor_id: str) -> None:
    """Number a flavor."""
    if not of(tx, [flavor_id]):
        tx.execute(_INSERT, {"flavor_id": flavor_id})


def of(tx: Transaction, flavor_ids: Iterable[str]) -> Mapping[str, int]:
    """The numbers by the ids of flavors."""
    wanted = sorted(set(flavor_ids))
    return {row.flavor_id: row.number for row in tx.rows(_OF, {"the_flavors": wanted})} if wanted else {}
