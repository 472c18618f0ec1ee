"""`monostack dev` as its users start it: what a new emulator has, and that what they removed does not come back."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import openstack

COMMAND = (sys.executable, "-m", "monostack.cli", "dev", "--config")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MONOSTACK_")}  # the tests' own are no options


@contextmanager
def emulator(state_dir: Path, hosts: int = 2) -> Iterator[openstack.connection.Connection]:
    config = state_dir / "dev.toml"
    config.write_text(f'state_dir = "{state_dir}"\n[api]\nport = 0\n[emulator]\nhosts = {hosts}\n')
    process = subprocess.Popen([*COMMAND, str(config)], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        url = re.search(r"at (\S+)$", process.stdout.readline())
        assert url is not None
        password = (state_dir / "admin-password").read_text().strip()
        names = {"username": "admin", "project_name": "admin", "user_domain_id": "default", "project_domain_id": "default"}
        connection = openstack.connection.Connection(auth_url=f"{url[1]}/identity/v3", password=password, region_name="RegionOne", **names)
        yield connection
        connection.close()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        process.stdout.close()


def test_a_new_emulator_has_a_way_out_that_stays_removed(tmp_path: Path) -> None:
    with emulator(tmp_path) as cloud:
        (public,) = cloud.network.networks()
        assert (public.name, public.is_router_external) == ("public", True)
        allocated = cloud.network.get_auto_allocated_topology()
        (subnet,) = cloud.network.subnets(network_id=allocated.id)
        (pool,) = cloud.network.subnet_pools()
        assert subnet.subnet_pool_id == pool.id and pool.is_default
        cloud.network.delete_auto_allocated_topology()
        cloud.network.delete_network(public.id)
    with emulator(tmp_path) as cloud:
        assert list(cloud.network.networks()) == []


def test_two_without_hosts_live_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with emulator(tmp_path / "one", hosts=0) as one, emulator(tmp_path / "two", hosts=0) as two:
        assert list(one.compute.hypervisors()) == list(two.compute.hypervisors()) == []


def test_a_database_it_cannot_use_is_named(tmp_path: Path) -> None:
    database = tmp_path / "monostack.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("create table alembic_version (version_num text)")
        connection.execute("insert into alembic_version values ('0001')")
        connection.commit()
    command = [*COMMAND, os.devnull, "--state-dir", str(tmp_path), "--port", "0"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"monostack: The tables of sqlite:///{database} are those of a development version")
