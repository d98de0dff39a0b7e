"""What this machine has and lacks for the course, what each part is for, and the cure where one is missing."""

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from . import catalogue, processes, services


@dataclass
class Finding:
    """One row of the table: what, whether it is fine, what was found, what it is for, and the cure if it is not."""

    what: str
    fine: bool
    found: str
    purpose: str
    cure: str = ""


def examine():
    """Everything worth knowing; a look that fails becomes a finding itself."""
    for look in (python, packages, redis, nginx, chromium, node, ports, disk):
        try:
            yield look()
        except Exception as error:  # a doctor never falls ill: whatever happens is one more finding
            reason = f"{type(error).__name__}: {error}"
            yield Finding(
                look.__name__.capitalize(),
                False,
                f"could not look ({reason})",
                "",
                "Tell us: paste this into an issue.",
            )


def python():
    found = f"{platform.python_version()} on {platform.platform(terse=True)} ({platform.machine()})"
    return Finding("Python", sys.version_info >= (3, 11), found, "everything", "Install Python 3.11 or newer.")


def packages():
    found = []
    for name in ("flask", "flask-cors", "flask-sqlalchemy"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    fine = not any(text.startswith("no ") for text in found)
    return Finding("Packages", fine, ", ".join(found), "every lesson", "Delete .venv and run: python3 -m course")


def part(what, found, purpose, cure, *ask_version):
    """A finding about one of the parts in services.py, with what it says of its version."""
    if found is None:
        return Finding(what, False, "not found", purpose, cure)
    if not ask_version:
        return Finding(what, True, found.origin, purpose)
    said = subprocess.run([*found.command, *ask_version], capture_output=True, text=True, timeout=20)
    number = re.search(r"\d+\.\d+[.\d]*", said.stdout + said.stderr)
    return Finding(what, True, f"{number[0] if number else 'of unknown version'} from {found.origin}", purpose)


def redis():
    if os.environ.get("REDIS_URL"):
        return Finding("Redis", True, "the setting REDIS_URL", "lessons 2 to 5")
    cure = "Install redis-server, or set REDIS_URL."
    return part("Redis", services.redis_server(), "lessons 2 to 5", cure, "--version")


def nginx():
    cure = "Install nginx 1.29.7 or newer, or run: python3 -m course test"
    return part("nginx", services.nginx_server(), "lessons 2 and 5, tests", cure, "-v")


def chromium():
    cure = "Install Chrome or Chromium, or set CHROMIUM to one; on 64-bit Linux, python3 -m course test brings one."
    return part("Chromium", services.chromium(), "tests in a real browser", cure)


def node():
    cure = "Install Node.js 20 or newer, or run: python3 -m course test"
    return part("Node.js", services.node(), "lessons 3 to 5, tests", cure, "--version")


def ports():
    taken = [port for n in catalogue.lessons() for port in (5100 + n, 8100 + n) if processes.answers(port)]
    if taken:
        cure = "Choose others: python3 -m course run N --api-port … --page-port …"
        return Finding("Ports", False, f"taken: {', '.join(map(str, taken))}", "the lessons' addresses", cure)
    return Finding("Ports", True, "free", "the lessons' addresses")


def disk():
    free = shutil.disk_usage(catalogue.ROOT).free // 2**20
    return Finding("Disk", free > 500, f"{free:,} MiB free", "packages and databases", "Free 500 MiB.")
