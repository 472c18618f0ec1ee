import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import Bench

from postgres import give_back


@pytest.fixture
def bench(tmp_path: Path, database_with_tables) -> Iterator[Bench]:
    """A cloud of its own for each trial."""
    url = database_with_tables(tmp_path)
    yield Bench(tmp_path, url)
    give_back(url)
