"""A private PostgreSQL cluster for the tests: made in a temporary directory, reached over a Unix socket, gone afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
# Durability is not what these tests are about, and it would make them slow.
SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "listen_addresses=",
    "max_connections=400",
    "shared_buffers=64MB",
)


def _as_postgres(command: list[str]) -> None:
    """PostgreSQL refuses to run as root."""
    options = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-2000:]}")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The SQLAlchemy URL of an empty cluster's maintenance database."""
    if not BINARIES:
        raise RuntimeError("PostgreSQL is not installed: run `make setup`, or apt-get install postgresql")
    binaries = BINARIES[-1]
    base = Path(tempfile.mkdtemp(prefix="monostack-pg-"))
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(base, owner.pw_uid, owner.pw_gid)
    data = base / "data"
    try:
        _as_postgres([str(binaries / "initdb"), "-D", str(data), "-U", "monostack", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"])
        options = " ".join(f"-c {setting}" for setting in (*SETTINGS, f"unix_socket_directories={base}"))
        _as_postgres([str(binaries / "pg_ctl"), "-D", str(data), "-w", "-t", "60", "-l", str(base / "log"), "-o", options, "start"])
        try:
            yield f"postgresql+psycopg://monostack@/postgres?host={base}"
        finally:
            _as_postgres([str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop"])
    finally:
        shutil.rmtree(base, ignore_errors=True)


_made = 0


def fresh_database(cluster_url: str, model_url: str | None = None) -> str:
    """Make a database in the cluster and return its URL. It is empty, or a copy of another that nobody is connected to."""
    global _made
    _made += 1
    name = f"monostack_{os.getpid()}_{_made}"
    engine = sa.create_engine(cluster_url, isolation_level="AUTOCOMMIT")
    how = f'TEMPLATE "{sa.make_url(model_url).database}" STRATEGY FILE_COPY' if model_url else ""
    with engine.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}" {how}'))
    engine.dispose()
    return str(sa.make_url(cluster_url).set(database=name))


_idle: list[str] = []


def copied_database(cluster_url: str, model_url: str) -> str:
    """The URL of a database with the tables of the model and no row: one that was given back, or a new copy."""
    return _idle.pop() if _idle else fresh_database(cluster_url, model_url)


END_OTHERS = sa.text("""
select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()""")
EMPTY_TABLES = sa.text("""
do $$
declare name text;
begin
    set local session_replication_role = replica; -- no foreign keys: the order of the tables does not matter
    for name in select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version' loop
        execute format('delete from %I', name);
    end loop;
    perform setval(format('%I', sequencename)::regclass, start_value, false) from pg_sequences where schemaname = 'public';
end $$""")


def give_back(url: str) -> None:
    """Take a copied database back, without its rows and whoever is connected. What is not PostgreSQL's is left as it is.

    To empty one costs a third of what it costs to drop one and make another.
    """
    if sa.make_url(url).get_backend_name() != "postgresql":
        return
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(END_OTHERS)
        connection.execute(EMPTY_TABLES)
    engine.dispose()
    _idle.append(url)
