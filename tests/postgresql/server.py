"""A PostgreSQL server of a test's own, made as docs/postgresql.md says: roles, tables, the workers' queue.

  server = Server(folder)           runs, in a folder that is not there yet
  server.url(); server.url("pawl_worker")
  server.sql("SELECT 1", "pawl")    as its superuser
  server.stop(); server.start()
"""

import os
import pathlib
import pwd
import re
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SERVER_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
MANUAL = (ROOT / "docs/postgresql.md").read_text(encoding="utf-8")


class Server:
    """PostgreSQL in a folder of its own; it refuses to run as root, and there runs as postgres or nobody."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.options = {}
        if os.geteuid() == 0:
            users = {entry.pw_name: entry for entry in pwd.getpwall()}
            user = users.get("postgres", users["nobody"])
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        subprocess.run([SERVER_BIN / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
                        "--locale=C", "--no-sync"], cwd="/", stdout=subprocess.DEVNULL, check=True, **self.options)
        self.start()
        self.sql("CREATE DATABASE pawl")
        roles, tables, queue = (re.search(rf"```sql\n([^`]*{phrase}[^`]*)```", MANUAL).group(1) for phrase in
                                ("CREATE ROLE pawl_gate", "CREATE TABLE pawl_events", "CREATE TABLE pawl_work_jobs"))
        self.tables = tables
        self.sql(roles + tables + "CREATE ROLE pawl_worker LOGIN;" + queue, "pawl")

    def start(self, *settings, port=5432):
        listens = [] if any("listen_addresses" in setting for setting in settings) else ["listen_addresses="]
        self.process = subprocess.Popen(
            ["/usr/bin/setpriv", "--pdeathsig", "QUIT", SERVER_BIN / "postgres", "-D", self.folder / "data", "-k", self.folder,
             *(word for setting in [*listens, f"port={port}", "shared_buffers=16MB", *settings] for word in ("-c", setting))], cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.options)
        while subprocess.run([SERVER_BIN / "pg_isready", "-h", self.folder, "-p", str(port), "-q"],
                             check=False).returncode != 0:
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.send_signal(subprocess.signal.SIGINT)
        self.process.wait()

    def url(self, user="pawl_gate", database="pawl"):
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def sql(self, statements, database="postgres"):
        return subprocess.run([SERVER_BIN / "psql", "-h", self.folder, "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-qAt",
                               database], input=statements, text=True, stdout=subprocess.PIPE, check=True).stdout.strip()
