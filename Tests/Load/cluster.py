"""A PostgreSQL of the scripts' own, on TCP and a Unix socket below a throw-away folder, and the way to trouble it."""

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def as_postgres():
    """What subprocess needs so that a program does not run as root, which neither PostgreSQL nor PgBouncer does."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}


def hand_over(path):
    if os.getuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(path, account.pw_uid, account.pw_gid)


class Cluster:
    """Its superuser is `hallpass`, the service's role `app`. `folder` may be given, such as a small file system; it has to
    exist, and is left there."""

    def __init__(self, folder=None, **settings):
        self.programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.is_given = folder is not None
        self.folder = folder or tempfile.mkdtemp(prefix="hallpass-cluster-", dir="/tmp")
        self.run = tempfile.mkdtemp(prefix="hallpass-run-", dir="/tmp")
        for path in (self.folder, self.run):
            os.chmod(path, 0o755)
            hand_over(path)
        self.data = os.path.join(self.folder, "data")
        self.port = free_port()
        self.settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.run, "timezone": "UTC",
            "max_connections": 100, **settings}
        self.process = None
        self.call("initdb", "-D", self.data, "-U", "hallpass", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        self.start()
        self.sql("CREATE ROLE app LOGIN;\nCREATE DATABASE hallpass OWNER app", database="postgres")

    @property
    def url(self):
        return f"postgresql://app@127.0.0.1:{self.port}/hallpass"

    def call(self, program, *arguments):
        subprocess.run(
            [os.path.join(self.programs, program), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/",
            **as_postgres())

    def start(self, wait=True):
        settings = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        log = open(os.path.join(self.run, "log"), "ab")
        self.process = subprocess.Popen(
            [os.path.join(self.programs, "postgres"), "-D", self.data, *settings], stdout=log, stderr=log, cwd="/",
            start_new_session=True, **as_postgres())
        if wait:
            self.wait()

    def wait(self, seconds=60):
        """Until it lets clients in. Answers when."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.sql("SELECT 1", database="postgres")
                return time.monotonic()
            except subprocess.CalledProcessError:
                if self.process.poll() is not None:
                    raise SystemExit(open(os.path.join(self.run, "log")).read()[-2000:])
                time.sleep(0.01)
        raise SystemExit("the cluster did not start")

    def sql(self, text, database="hallpass"):
        done = subprocess.run(
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.run, "-p", str(self.port), "-U", "hallpass", "-d", database],
            input=text, capture_output=True, text=True, check=True, cwd="/")
        return done.stdout.strip()

    def hog(self, count):
        """Takes so many connections. Answers their processes."""
        return [
            subprocess.Popen(
                ["psql", "-Xq", "-h", self.run, "-p", str(self.port), "-U", "app", "-d", "hallpass", "-c",
                 "SELECT pg_sleep(600)"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
            for _ in range(count)]

    def tell(self, number):
        """To every process of the server."""
        for process in self.processes():
            try:
                os.kill(process, number)
            except ProcessLookupError:
                pass

    def processes(self):
        found = [self.process.pid]
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path) as file:
                    fields = file.read().rsplit(") ", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == self.process.pid:
                found.append(int(path.split("/")[2]))
        return found

    def stop(self, number=signal.SIGQUIT):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)

    def remove(self):
        self.stop()
        shutil.rmtree(self.run, ignore_errors=True)
        if not self.is_given:
            shutil.rmtree(self.folder, ignore_errors=True)
