"""What the load scripts share: a service of their own on a throw-away folder, and its database by psql and pgbench."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOKEN = "hp_load_0123456789abcdef0123456789abcdef"


def build():
    """Builds the release binary and says where it is."""
    subprocess.run(["swift", "build", "-c", "release", "--product", "hallpass"], cwd=ROOT, check=True)
    return os.path.join(ROOT, ".build", "release", "hallpass")


class Service:
    """`hallpass serve` with a managed cluster in a folder that goes with it, unless it is given one to keep; or with the
    database of a `DATABASE_URL` among the settings."""

    def __init__(self, binary, folder=None, **settings):
        self.binary = binary
        self.is_kept = folder is not None
        self.folder = folder or tempfile.mkdtemp(prefix="hallpass-load-", dir="/tmp")
        os.makedirs(self.folder, exist_ok=True)
        os.chmod(self.folder, 0o755)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = dict(
            os.environ, HALLPASS_DATA=self.folder, HALLPASS_LISTEN=f"127.0.0.1:{self.port}",
            HALLPASS_BOOTSTRAP_TOKEN=TOKEN, HALLPASS_LOG_LEVEL="warning", HALLPASS_ACCOUNT_MANAGER="amy@vendor.example",
            **{"DATABASE_URL": "", **settings})
        if not self.environment["DATABASE_URL"]:
            del self.environment["DATABASE_URL"]
        self.process = None

    def start(self):
        """Starts it. Answers the seconds until it was ready."""
        began = time.monotonic()
        log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen([self.binary, "serve"], env=self.environment, stdout=log, stderr=log)
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return time.monotonic() - began
            except OSError:
                pass
            if self.process.poll() is not None:
                raise SystemExit(open(os.path.join(self.folder, "log")).read())
            time.sleep(0.005)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        self.process = None

    def remove(self):
        self.stop()
        if not self.is_kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def memory(self):
        """Resident bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) * 1024

    @property
    def socket_folder(self):
        for path, folders, _ in os.walk(os.path.join(self.folder, "postgresql")):
            if "run" in folders:
                return os.path.join(path, "run")
        raise SystemExit("the managed cluster lies elsewhere: run this where the account postgres can reach /tmp")

    @property
    def server_log(self):
        return os.path.join(os.path.dirname(self.socket_folder), "postgres.log")

    def psql(self, *arguments, role="hallpass", text=None):
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.socket_folder, "-U", role, "-d", "hallpass"]
        done = subprocess.run(command + list(arguments), input=text, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        return done.stdout.strip()

    def fill(self, requests):
        """Fills the empty database. What a crash would do to it meanwhile does not matter."""
        hasty = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "max_wal_size": "'8GB'"}
        self.alter(*(f"SET {name} = {value}" for name, value in hasty.items()))
        self.psql("-v", f"requests={requests}", "-f", os.path.join(HERE, "fill.sql"))
        self.alter(*(f"RESET {name}" for name in hasty))
        self.psql("-c", "CHECKPOINT", role="postgres")

    def alter(self, *changes):
        """Changes settings of the managed cluster."""
        commands = [part for change in changes for part in ("-c", "ALTER SYSTEM " + change)]
        self.psql(*commands, "-c", "SELECT pg_reload_conf()", role="postgres")

    def wrk(self, name, seconds, connections=64, **environment):
        """Runs a script of wrk/. Answers requests a second, median and 99th percentile in ms."""
        environment = dict(os.environ, TOKEN=TOKEN, **{key: str(value) for key, value in environment.items()})
        done = subprocess.run(
            ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "-s", os.path.join(HERE, "wrk", name + ".lua"),
             f"http://127.0.0.1:{self.port}"],
            env=environment, capture_output=True, text=True)
        found = re.search(r"RESULT ([\d.]+) ([\d.]+) ([\d.]+) (\d+)", done.stdout)
        if not found:
            raise SystemExit(done.stdout + done.stderr)
        if int(found.group(4)):
            raise SystemExit(f"{name}: {found.group(4)} requests failed\n{done.stdout}")
        return tuple(float(found.group(index)) for index in (1, 2, 3))

    def pgbench(self, script, seconds, clients, start=1):
        """Runs a script prepared; its variable n begins at `start` in each client. Answers transactions a second."""
        done = subprocess.run(
            ["pgbench", "-n", "-M", "prepared", "-f", script, "-c", str(clients), "-j", "2", "-T", str(seconds),
             "-D", f"n={start}", "-h", self.socket_folder, "-U", "hallpass", "hallpass"], capture_output=True, text=True)
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        if done.returncode or not found:
            raise SystemExit(done.stdout + done.stderr)
        return float(found.group(1))
