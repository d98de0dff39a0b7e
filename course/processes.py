"""Processes that end when they should: started, watched, waited for and stopped, on ports nobody else has."""

import contextlib
import itertools
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

GUARD = Path(__file__).with_name("guard.py")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
os.environ["NO_PROXY"] = f"{os.environ.get('NO_PROXY', '')},localhost,127.0.0.1"  # no proxy knows these servers
NEXT = itertools.count(random.randrange(10000))  # two ports asked for before either is used must differ
CLAIMS = []  # the sockets that hold the last ports given
RUNNING = []  # the processes that have been started and not stopped
PATIENCE = 20  # seconds a process may take until it answers
HURRY = False  # whether what should come at once is waited for less than a test allows: see judge.py


class Trouble(Exception):
    """Something that a person can mend; the message says what and how, in one sentence.

    `lines` is all that a process printed, if one is to blame.
    """

    def __init__(self, message, lines=()):
        super().__init__(message)
        self.lines = lines


class Process:
    """A command that runs until it is stopped, or until this process is gone: see guard.py.

    `env` adds to this process's environment, and takes away what is None. What it prints is kept in `lines`, and
    handed to `echo` line by line if there is one. A temporary `folder` is removed when it has ended.
    """

    def __init__(self, *command, cwd=None, env=None, echo=None, folder=""):
        self.lines = []
        env = {**os.environ, **(env or {}), "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
        self.popen = subprocess.Popen(
            [sys.executable, "-I", "-S", GUARD, folder, *command],
            cwd=cwd,
            env={name: value for name, value in env.items() if value is not None},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C in the terminal reaches whoever started this, who then stops it
        )
        RUNNING.append(self)
        self.reader = threading.Thread(target=self._read, args=[echo], daemon=True)
        self.reader.start()

    def _read(self, echo):
        for line in self.popen.stdout:
            self.lines.append(COLOUR.sub("", line.rstrip("\n")))
            if echo:
                echo(self.lines[-1])

    @property
    def running(self):
        return self.popen.poll() is None

    @property
    def listening(self):
        """The ports at which it listens, or one that it started."""
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(self.popen.pid).children(recursive=True)
            found = [one for process in family for one in process.net_connections("tcp")]
            return {one.laddr.port for one in found if one.status == psutil.CONN_LISTEN}
        return set()

    def printed(self, pattern, at_least=1, within=5):
        """The lines that match a regular expression, as soon as there are so many, or the seconds are over."""

        def matching():
            return [line for line in list(self.lines) if re.search(pattern, line)]

        wait_for(within, lambda: len(matching()) >= at_least)
        return matching()

    def wait_until_it_answers(self, port, what, patience=None, setting=None, host="localhost"):
        """Return when somebody listens at the port; raises Trouble if the process ends first, or takes too long.

        With a `setting`, which has told it the port, it raises Trouble when it listens at another one, too.
        """

        def ready():
            return answers(port, host) or not self.running

        end = time.monotonic() + (patience or PATIENCE)
        if not wait_for(0.9, ready):
            wait_for(patience or PATIENCE, lambda: ready() or (setting and self.listening))
        if setting and self.running and not answers(port, host) and self.listening:
            told = f"It was told port {port}, by {setting}: __main__.py should take it from there."
            raise Trouble(f"{what} listens at port {min(self.listening)}. {told}")
        # Asked once more, with the time that is left: another may have answered there for a moment.
        if not wait_for(max(end - time.monotonic(), 0), ready) or not self.running:
            self.abort()
            last = "\n".join(self.lines[-15:]) or f"(nothing; its exit code is {self.popen.returncode})"
            raise Trouble(f"{what} did not start; the last it said was:\n{last}", self.lines)

    def abort(self):
        """End it where it stands: Python then prints where that is, for each thread (PYTHONFAULTHANDLER)."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.popen.pid).children():
                child.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGABRT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(5)
        self.popen.stdin.close()  # this ends what had not begun yet, or does not heed the signal: see guard.py
        self.popen.wait()
        self.reader.join(5)  # until all that it printed is here, on a busy machine too

    def stop(self):
        """End it and all that it started."""
        with contextlib.suppress(BrokenPipeError):
            self.popen.stdin.close()
        self.popen.wait()
        self.reader.join(1)
        self.popen.stdout.close()
        if self in RUNNING:
            RUNNING.remove(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def stop_all():
    """End what is left, all at once: a block that was interrupted while it started its parts does not know them."""
    for process in RUNNING:
        with contextlib.suppress(BrokenPipeError):
            process.popen.stdin.close()
    for process in list(RUNNING):
        process.stop()


def is_busy():
    """Whether other programs keep the machine busy, so that what takes a moment on an idle one may take long."""
    return psutil.getloadavg()[0] > 2 * os.cpu_count()


def bound(seconds):
    """How long to wait for what may take so many seconds: in a hurry, a quarter of what is allowed up to 5 s."""
    return seconds / 4 if HURRY and 1 <= seconds <= 5 else seconds


def at_once(seconds):
    """How long to wait for an answer that should not take long, in a hurry or not."""
    return bound(min(seconds, 2)) if HURRY else seconds


def wait_for(seconds, happens):
    """The first true value of `happens()`, asked again until the seconds are over; then its last value."""
    end = time.monotonic() + bound(seconds)
    while not (value := happens()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


def answers(port, host="localhost"):
    """Whether somebody listens at this port of this machine."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def own_address():
    """This machine's address in its network: the one from which it would send to another; nothing is sent."""
    try:
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # nobody's: RFC 5737
            return probe.getsockname()[0]
    except OSError:
        raise Trouble("This machine is in no network. Connect it, or name its address: --host 192.168.1.20") from None


def must_be_own(address):
    """Raises Trouble where nothing can listen at this address."""
    try:
        socket.create_server((address, 0)).close()
    except OSError:
        raise Trouble(f"{address} is not an address of this machine. Leave it out: --host finds one.") from None


def is_free(port):
    """Whether nobody listens at this port, and this process may."""
    if answers(port):
        return False
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def free_port():
    """A port nobody listens at, below those that systems hand out to connections of their own; each time another.

    Between this and its use another run may look for one. So a UDP socket of the same number is held: it keeps no
    server from the port, and says to others who look here that it is spoken for.
    """
    while True:
        port = 20000 + next(NEXT) % 10000
        claim = socket.socket(type=socket.SOCK_DGRAM)
        try:
            claim.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        CLAIMS.append(claim)
        if len(CLAIMS) > 100:
            CLAIMS.pop(0).close()
        if is_free(port):
            return port
