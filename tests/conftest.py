"""Fixtures every suite shares."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from postgres import fresh_database, postgres_url

if TYPE_CHECKING:
    from clouds import TestCloud

__all__ = ["postgres_url"]


@pytest.fixture(autouse=True)
def _answers_as_declared(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every answer of an application in this process is as its operation declares it."""
    if "cloud" not in request.fixturenames:
        yield
        return
    import declared  # unit tests need none of it

    declared.watch()
    yield
    wrong = list(declared.broken())
    assert not wrong, "answers that are not as declared:\n" + "\n".join(wrong)


@pytest.fixture(scope="session")
def database_kind() -> str:
    """The database this run is on: sqlite, or postgresql with MONOSTACK_TEST_DATABASE=postgresql."""
    return os.environ.get("MONOSTACK_TEST_DATABASE", "sqlite")


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest, database_kind: str):
    """A function that gives the URL of an empty database for a state directory."""

    def make(state_dir: Path) -> str:
        if database_kind == "postgresql":
            return fresh_database(request.getfixturevalue("postgres_url"))
        return f"sqlite:///{state_dir}/monostack.db"

    return make


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, new_database) -> Iterator["TestCloud"]:
    """A running cloud with three simulated hosts, shared by the tests of a module."""
    from clouds import TestCloud  # unit tests need none of it

    state_dir = tmp_path_factory.mktemp("cloud")
    running = TestCloud(state_dir, new_database(state_dir)).start()
    yield running
    running.stop()
