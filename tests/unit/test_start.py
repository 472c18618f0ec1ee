"""What a start must not load: modules that take long, and that most runs never need. No times: machines differ."""

import subprocess
import sys
from pathlib import Path

HEAVY = {
    "alembic": "migrating an older database",
    "jsonschema": "wording why a body is refused",
    "oslo_utils.imageutils": "inspecting an image",
    "cryptography.x509": "keypairs and agents",
    "psycopg": "PostgreSQL",
    "pyroute2": "real networks",
    "libvirt": "real guests",
    "pycdlib": "config drives",
    "httpx": "the demo, images from the web",
}
EMULATOR = """
import asyncio, sys
from monostack.app import App
from monostack.core.config import load

async def run():
    app = App(load(environ={}, flags={"state_dir": sys.argv[1], "api.port": 0, "emulator.hosts": 2}), durable=False)
    await app.open()
    await app.close()

asyncio.run(run())
print(*sys.modules)
"""
COMMAND = """
import sys
from monostack.cli import main

try:
    main(sys.argv[1:])
finally:
    print(*sys.modules)
"""


def loaded(script: str, *words: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.splitlines()[-1].split())


def test_the_emulator_starts_without_what_it_does_not_need(tmp_path: Path) -> None:
    modules = loaded(EMULATOR, str(tmp_path))
    assert "monostack.services.compute.servers.api" in modules
    assert not {name: why for name, why in HEAVY.items() if name in modules}


def test_small_commands_load_nothing_of_the_cloud(tmp_path: Path) -> None:
    for words in (("openrc", "--state-dir", str(tmp_path)), ("status", "--state-dir", str(tmp_path))):
        modules = loaded(COMMAND, *words)
        assert f"monostack.cli.{words[0]}" in modules
        assert not modules & {"sqlalchemy", "uvicorn", "netaddr", "monostack.app", "monostack.db", "monostack.http", "monostack.agent"}
