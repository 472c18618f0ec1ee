import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import Bench, Furniture

from models import Model


@pytest.fixture(scope="session")
def furnished(new_model: Callable[..., Model]) -> tuple[Model, Furniture]:
    """What every bench begins as."""
    made: list[Furniture] = []
    model = new_model(lambda directory, url: made.append(asyncio.run(Bench(directory, url).furnish())))
    return model, made[0]


@pytest.fixture
def bench(tmp_path: Path, furnished: tuple[Model, Furniture]) -> Iterator[Bench]:
    """A cloud of its own for each trial."""
    model, furniture = furnished
    url = model.copy(tmp_path)
    yield Bench(tmp_path, url, furniture)
    model.give_back(url)
