"""Fixtures every suite shares."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models import Model
from monostack.core.memory import keep_what_is_loaded, search_garbage_rarely
from postgres import fresh_database, postgres_url

if TYPE_CHECKING:
    from clouds import TestCloud

__all__ = ["postgres_url"]


def pytest_configure() -> None:
    """What several tests share says what did not hold as the tests do."""
    here = Path(__file__).parent
    shared = {path.stem for pattern in ("*.py", "*/*.py") for path in here.glob(pattern)} - sys.modules.keys()
    pytest.register_assert_rewrite(*shared)


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


def pytest_sessionfinish() -> None:
    """A suite that is called by a name leaves what it reached."""
    if (who := os.environ.get("MONOSTACK_REACHED")) and "reached" in sys.modules:
        sys.modules["reached"].write(who)


def pytest_collection_finish() -> None:
    """What was loaded stays; the garbage of tests is found without looking through it."""
    if "monostack.app" in sys.modules:
        search_garbage_rarely()
        keep_what_is_loaded()


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


@pytest.fixture(scope="session")
def new_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, database_kind: str, new_database):
    """A function that makes a model of what it is given a function to make of: a state directory and the URL of an empty database."""

    def make(fill: Callable[[Path, str], None]) -> Model:
        directory = tmp_path_factory.mktemp("model")
        url = new_database(directory)
        fill(directory, url)
        return Model(directory, url, request.getfixturevalue("postgres_url") if database_kind == "postgresql" else None)

    return make


@pytest.fixture(scope="session")
def begun(new_model) -> Model:
    """A cloud without hosts that was started once and has the users of TestCloud."""
    from clouds import begin  # unit tests need none of it

    return new_model(begin)


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    """What the cloud below is to have of its own, by option, and how many `hosts`: for modules to say."""
    return {}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, begun: Model, cloud_settings: dict[str, Any]) -> Iterator["TestCloud"]:
    """A running cloud with three simulated hosts, shared by the tests of a module."""
    from clouds import TestCloud  # unit tests need none of it

    state_dir = tmp_path_factory.mktemp("cloud")
    url = begun.copy(state_dir)
    running = TestCloud(state_dir, url, **cloud_settings).start()
    yield running
    running.stop()
    begun.give_back(url)
