"""Counting the statements a cloud runs, whichever way they reach the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from monostack.db import Transaction


@contextmanager
def seen_statements(*about: str) -> Iterator[list[str]]:
    """The statements that name one of these tables, as they are run inside the block."""
    seen: list[str] = []
    real = {name: getattr(Transaction, name) for name in ("execute", "rows", "row")}

    def noting(name: str) -> Any:
        def run(tx: Transaction, statement: Any, params: Any = None) -> Any:
            text = str(statement)
            if any(word in text for word in about):
                seen.append(text)
            return real[name](tx, statement, params)

        return run

    for name in real:
        setattr(Transaction, name, noting(name))
    try:
        yield seen
    finally:
        for name, method in real.items():
            setattr(Transaction, name, method)
