"""Clouds to begin with: made once, then copied, which takes a tenth of the time."""

import shutil
from pathlib import Path

from postgres import fill_again, fresh_database, keep_rows


class Model:
    """A state directory and a database that nobody uses: files below the directory, or in a `cluster` of PostgreSQL."""

    def __init__(self, directory: Path, url: str, cluster: str | None = None) -> None:
        self._directory = directory
        self._url = url
        self._cluster = cluster
        self._idle: list[str] = []
        if cluster is not None:
            keep_rows(url)

    def copy(self, directory: Path) -> str:
        """Make an empty directory like the model's. Returns the URL of a database like the model's."""
        shutil.copytree(self._directory, directory, dirs_exist_ok=True)
        if self._cluster is None:
            return f"sqlite:///{directory}/monostack.db"
        return self._idle.pop() if self._idle else fresh_database(self._cluster, self._url)

    def give_back(self, url: str) -> None:
        """Take a copied database back, whoever is connected: PostgreSQL's becomes a copy again in a third of the time of another copy."""
        if self._cluster is not None:
            fill_again(url)
            self._idle.append(url)
