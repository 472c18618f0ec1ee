"""Listing agents, describing them, and forgetting those of hosts that are gone."""


from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network.agents.table import AGENTS
from monostack.services.network.attributes import Values
from monostack.services.network.verbs import Verbs


def _update(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    return AGENTS.change(tx, request, row, changes)


def _delete(tx: Transaction, request: Request, row: Row) -> None:
    AGENTS.remove(tx, request, row)


VERBS = Verbs(AGENTS, update=_update, delete=_delete)
routes = [VERBS.routes()]
