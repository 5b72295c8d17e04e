"""Two PostgreSQL servers, one the synchronous standby of the other, and what can happen to their machines.

  pair = Pair(folder, links)            both run, and a commit waits until both have it
  pair.url(folder_of_links)             for libpq: whichever of the two writes
  pair.kill_primary(); pair.revive()    the machine died and came back
  pair.kill_primary(); pair.fail_over() the standby is promoted, and the dead one becomes its standby
"""

import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
MANUAL = (ROOT / "docs/postgresql.md").read_text(encoding="utf-8")
SOCKET = ".s.PGSQL.5432"


def lives(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Machine:
    """One server in a folder of its own. PostgreSQL refuses to run as root: there it runs as postgres, or as nobody."""

    def __init__(self, name, folder):
        self.name, self.folder, self.process, self.options = name, folder, None, {}
        folder.mkdir()
        if os.geteuid() == 0:
            users = {entry.pw_name: entry for entry in pwd.getpwall()}
            user = users.get("postgres", users["nobody"])
            os.chown(folder, user.pw_uid, user.pw_gid)
            self.options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def run(self, program, *words):
        subprocess.run([BIN / program, *map(str, words)], cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=True, **self.options)

    def start(self):
        log = self.folder / "log"
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                ["/usr/bin/setpriv", "--pdeathsig", "QUIT", BIN / "postgres", "-D", self.folder / "data", "-k", self.folder,
                 "-c", "listen_addresses=", "-c", "shared_buffers=16MB", "-c", "max_connections=60",
                 "-c", "wal_retrieve_retry_interval=200ms"],
                cwd="/", stdout=subprocess.DEVNULL, stderr=out, **self.options)
        while subprocess.run([BIN / "pg_isready", "-h", self.folder, "-q"], check=False).returncode != 0:
            if self.process.poll() is not None:
                self.process = None
                raise RuntimeError(f"server {self.name} does not start: {log.read_text(errors='replace')[-1000:]}")
            time.sleep(0.1)

    def processes(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def signal_all(self, number):
        for process in self.processes():
            try:
                os.kill(process, number)
            except ProcessLookupError:
                pass

    def kill(self):
        """Every process at once, as a machine dies."""
        if self.process is None:
            return
        self.signal_all(signal.SIGSTOP)
        family = self.processes()
        self.signal_all(signal.SIGKILL)
        self.process.wait()
        # A server that starts while one of these still has the memory that they shared gives up.
        while any(map(lives, family)):
            time.sleep(0.01)
        self.process = None

    def sql(self, statements, database="postgres"):
        return subprocess.run([BIN / "psql", "-h", self.folder, "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-qAt", database],
                              input=statements, text=True, stdout=subprocess.PIPE, check=True, cwd="/").stdout.strip()


class Pair:
    def __init__(self, folder, links):
        self.machines = {name: Machine(name, folder / name) for name in "ab"}
        self.primary, self.standby = self.machines["a"], self.machines["b"]
        # How each reaches the other: the one that is the standby streams over its link.
        self.replication = {}
        for here, there in ("ab", "ba"):
            place = folder / f"link-{here}{there}"
            place.mkdir()
            self.replication[here] = links.join(f"{here} to {there}", place / SOCKET, self.machines[there].folder / SOCKET)
        self.primary.run("initdb", "-D", self.primary.folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
                         "--locale=C", "--wal-segsize=1", "--no-sync")
        self.primary.start()
        # Every standby that is made copies all files, of which an empty database has 300.
        for template in ("template0", "template1"):
            self.primary.sql(f"ALTER DATABASE {template} IS_TEMPLATE false")
            self.primary.sql(f"DROP DATABASE {template}")
        self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (a, b)'")
        self.make_standby()
        roles = re.search(r"```sql\n([^`]*CREATE ROLE pawl_gate[^`]*)```", MANUAL).group(1)
        self.primary.sql("SELECT pg_reload_conf()")
        self.primary.sql(roles)

    def make_standby(self):
        machine, link = self.standby, self.replication[self.standby.name]
        shutil.rmtree(machine.folder / "data", ignore_errors=True)
        self.primary.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")
        machine.run("pg_basebackup", "-D", machine.folder / "data", "-d",
                    f"host={link.listen.parent} user=postgres application_name={machine.name}", "-R", "-X", "stream", "-C", "-S",
                    f"to_{machine.name}", "-c", "fast", "--no-sync")
        machine.start()

    def make_database(self, name):
        tables = re.search(r"```sql\n([^`]*CREATE TABLE pawl_events[^`]*)```", MANUAL).group(1)
        self.primary.sql(f"CREATE DATABASE {name} TEMPLATE postgres")
        self.primary.sql(tables, name)

    def drop_database(self, name):
        self.primary.sql(f"DROP DATABASE {name} WITH (FORCE)")

    def connect_node(self, links, folder, node):
        """A node's links to both; they lie in folders of the node's own, which its URL names."""
        made = []
        for name, machine in self.machines.items():
            place = folder / f"link-{name}"
            place.mkdir(parents=True)
            made.append(links.join(f"{node} to {name}", place / SOCKET, machine.folder / SOCKET))
        return made

    # ---- what can happen

    def kill_primary(self):
        self.primary.kill()

    def revive(self):
        self.primary.start()

    def fail_over(self):
        """The old primary is dead, which fences it."""
        self.primary, self.standby = self.standby, self.primary
        self.primary.sql("SELECT pg_promote()")
        self.make_standby()

    def restart_standby(self):
        self.standby.start()

    def wait_until_synchronous(self, seconds=60):
        end = time.time() + seconds
        while self.primary.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'") == "0":
            if time.time() > end:
                raise RuntimeError("the standby does not follow")
            time.sleep(0.2)

    def stop(self):
        for machine in self.machines.values():
            machine.kill()
