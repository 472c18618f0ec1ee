"""The floor: a bare ASGI application that reads and writes such things in SQLite and encodes such JSON, and does nothing else.

python tests/bench/floor.py PORT SERVERS
"""

import sqlite3
import sys
from typing import Any

import msgspec
import uvicorn

encode = msgspec.json.Encoder().encode
MIGHT_HAVE = 40  # attributes of a server as the compute API shows it


def make_database(servers: int) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    columns = ", ".join(f"c{i} text" for i in range(MIGHT_HAVE))
    db.execute(f"create table servers (id text primary key, project text, {columns})")
    db.execute("create table ports (id text primary key, server text, address text, mac text)")
    db.execute("create index by_server on ports (server)")
    db.execute("create table tokens (token text primary key, body text)")
    row = [f"value-{i}" for i in range(MIGHT_HAVE)]
    places = ", ".join("?" * (MIGHT_HAVE + 2))
    db.executemany(f"insert into servers values ({places})", [(f"server-{n}", "p", *row) for n in range(servers)])
    ports = [(f"port-{n}", f"server-{n}", f"10.0.{n // 250}.{n % 250}", "fa:16:3e:00:00:01") for n in range(servers)]
    db.executemany("insert into ports values (?, ?, ?, ?)", ports)
    db.execute("insert into tokens values ('t', ?)", ("x" * 4000,))
    db.execute("create table allocations (server text, class text, amount integer)")
    db.execute("create table operations (id text primary key, server text, step integer, data text)")
    return db


STEPS = 4  # commits after the first until a server runs


class App:
    def __init__(self, servers: int) -> None:
        self.db = make_database(servers)

    def answer(self, path: str, limit: int) -> Any:
        self.db.execute("select body from tokens where token = 't'").fetchone()
        if path == "/token":
            return {"token": self.db.execute("select body from tokens where token = ?", ("t",)).fetchone()[0]}
        rows = self.db.execute("select * from servers where project = ? order by id limit ?", ("p", limit)).fetchall()
        ids = [row[0] for row in rows]
        places = ",".join("?" * len(ids))
        addresses: dict[str, list[dict[str, str]]] = {}
        for _, server, address, mac in self.db.execute(f"select * from ports where server in ({places})", ids):
            addresses.setdefault(server, []).append({"addr": address, "mac": mac})
        names = [f"c{i}" for i in range(MIGHT_HAVE)]
        return {
            "servers": [{"id": row[0], **dict(zip(names, row[2:], strict=True)), "addresses": addresses.get(row[0], [])} for row in rows]
        }

    def boot(self) -> Any:
        """What booting a server writes, when nothing is checked, chosen or done."""
        number = self.db.execute("select count(*) from servers").fetchone()[0]
        server = f"server-{number}"
        self.db.execute("begin")
        places = ", ".join("?" * (MIGHT_HAVE + 2))
        self.db.execute(f"insert into servers values ({places})", [server, "q", *[f"value-{i}" for i in range(MIGHT_HAVE)]])
        self.db.execute("insert into ports values (?, ?, ?, ?)", (f"port-{number}", server, "10.0.0.1", "fa:16:3e:00:00:01"))
        for resource in ("VCPU", "MEMORY_MB", "DISK_GB"):
            self.db.execute("insert into allocations values (?, ?, 1)", (server, resource))
        self.db.execute("insert into operations values (?, ?, 0, '{}')", (f"op-{number}", server))
        self.db.execute("commit")
        for step in range(STEPS):
            self.db.execute("begin")
            self.db.execute("update operations set step = ? where id = ?", (step, f"op-{number}"))
            self.db.execute("update servers set c1 = ?, c2 = ? where id = ?", ("active", "", server))
            self.db.execute("commit")
        return {"server": {"id": server}}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        limit = int(scope["query_string"] or b"1000")
        body = encode(self.boot() if scope["method"] == "POST" else self.answer(scope["path"], limit))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(App(int(sys.argv[2])), port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
