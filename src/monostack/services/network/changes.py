"""Telling the synchroniser what changed: hosts are given the new state once the transaction is durable."""

from collections.abc import Iterable
from typing import Any

from monostack.db import Transaction


def changed(tx: Transaction, cloud: Any, kind: str, ids: Iterable[str]) -> None:
    """Items of a kind ("port", "network", "router", "group", "members") have to be made anew, or are gone."""
    wanted = list(ids)
    if wanted:
        tx.after_commit(lambda: cloud.network.mark(kind, wanted))
