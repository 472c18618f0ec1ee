import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from player import SETTINGS, Cloud, User


@pytest.fixture(scope="module")
def cloud_settings() -> dict[str, Any]:
    return SETTINGS


@pytest.fixture(scope="module")
def players(cloud) -> Cloud:
    users = {"admin": User("admin", cloud.admin_password, "admin")}
    for name in ("demo", "reader"):
        client = getattr(cloud, name)
        users[name] = User(name, client.password, client.project)
    return Cloud(f"{cloud.url}/identity/v3", users)
