"""What a controller remembers of tokens and catalogs, until identity data or the keys change.

A change made through this controller is forgotten at once (`forget`); one made through another controller on the same database, and a
rotation of the keys, is noticed when the database is looked at, once a second.
"""

from collections.abc import Hashable
from typing import Any

from monostack.core import clock
from monostack.core.key_repository import KeyRepository
from monostack.db import Transaction
from monostack.services.identity.generation import generation

LOOK_SECONDS = 1.0


class Memory:
    """A bounded number of things by key; when there is no room, the oldest goes."""

    def __init__(self, keys: KeyRepository, room: int) -> None:
        self._keys = keys
        self._room = room
        self._things: dict[Hashable, Any] = {}
        self._forgotten = 0  # times everything was forgotten
        self._generation = -1  # of the database when it was last looked at
        self._keys_version = 0
        self._look_at = 0.0

    def __len__(self) -> int:
        return len(self._things)

    def forget(self) -> None:
        self._things.clear()
        self._forgotten += 1

    def recall(self, key: Hashable) -> Any:
        """What is remembered, or None if there is nothing or it is time to look at the database."""
        return self._things.get(key) if clock.monotonic() < self._look_at else None

    @property
    def moment(self) -> int:
        """Take it before reading what is to be remembered; `remember` declines what was read before a change."""
        return self._forgotten

    def remember(self, key: Hashable, thing: Any, moment: int) -> None:
        if moment != self._forgotten:
            return
        if len(self._things) >= self._room:
            self._things.pop(next(iter(self._things)))
        self._things[key] = thing

    def look(self, tx: Transaction, key: Hashable) -> Any:
        """Look at the database; what is remembered under `key` if nothing has changed."""
        now_at = generation(tx)
        self._keys.refresh()
        if now_at != self._generation or self._keys.version != self._keys_version:
            self._things.clear()
            self._generation, self._keys_version = now_at, self._keys.version
        self._look_at = clock.monotonic() + LOOK_SECONDS
        return self._things.get(key)
