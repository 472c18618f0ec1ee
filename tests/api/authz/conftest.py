import sys
from pathlib import Path
from typing import Any

import pytest

for folder in (Path(__file__).parent, Path(__file__).parents[1] / "differential"):
    sys.path.insert(0, str(folder))

@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    from player import SETTINGS  # to be found only now

    return SETTINGS
