"""Listing agents, describing them, and forgetting those of hosts that are gone."""

from typing import Any

from sqlalchemy.engine import Row

from monostack.db import Transaction
from monostack.http import Request
from monostack.services.network.agents.table import AGENTS
from monostack.services.network.attributes import Values
from monostack.services.network.verbs import Verbs


def _update(tx: Transaction, request: Request, row: Row[Any], changes: Values) -> Row[Any]:
    return AGENTS.change(tx, request, row, changes)


def _delete(tx: Transaction, request: Request, row: Row[Any]) -> None:
    AGENTS.remove(tx, request, row)


VERBS = Verbs(AGENTS, update=_update, delete=_delete)
routes = [VERBS.routes()]
