import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import Bench


@pytest.fixture
def bench(tmp_path: Path, new_database) -> Bench:
    """A cloud of its own for each trial."""
    return Bench(tmp_path, new_database(tmp_path))
