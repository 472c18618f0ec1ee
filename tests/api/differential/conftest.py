import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    """As the recorded cloud was configured."""
    return {"image.import_methods": ["glance-direct", "web-download", "copy-image"]}
