import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from player import SETTINGS


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    return SETTINGS
