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
    how = f'TEMPLATE "{sa.make_url(model_url).database}" STRATEGY FILE_COPY' if model_url else ""
    _run(cluster_url, sa.text(f'CREATE DATABASE "{name}" {how}'))
    return str(sa.make_url(cluster_url).set(database=name))


END_OTHERS = sa.text("""
select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()""")
KEEP_ROWS = sa.text("""
do $$
declare
    name text;
    filled boolean;
begin
    create schema kept;
    create schema kept_numbers;
    create table kept_numbers.sequences as select sequencename, start_value, last_value from pg_sequences where schemaname = 'public';
    for name in select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version' loop
        execute format('select exists (select 1 from public.%I)', name) into filled;
        if filled then
            execute format('create table kept.%I as table public.%I', name, name);
        end if;
    end loop;
end $$""")
FILL_AGAIN = sa.text("""
do $$
declare name text;
begin
    set local session_replication_role = replica; -- no foreign keys: the order of the tables does not matter
    for name in select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version' loop
        execute format('delete from public.%I', name);
    end loop;
    for name in select tablename from pg_tables where schemaname = 'kept' loop
        execute format('insert into public.%I select * from kept.%I', name, name);
    end loop;
    perform setval(format('public.%I', sequencename)::regclass, coalesce(last_value, start_value), last_value is not null)
        from kept_numbers.sequences;
end $$""")


def _run(url: str, *statements: sa.TextClause) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(statement)
    engine.dispose()


def keep_rows(url: str) -> None:
    """Keep a copy of every row of a database in the database itself, and so in whatever is copied of it."""
    _run(url, KEEP_ROWS)


def fill_again(url: str) -> None:
    """Give a database the rows that were kept instead of those it has, and disconnect everybody."""
    _run(url, END_OTHERS, FILL_AGAIN)
