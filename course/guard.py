"""Runs one command, and ends it with all it started when whoever asked for it is gone, even by kill -9.

Usage: python guard.py FOLDER COMMAND …  The caller holds the other end of standard input and writes nothing; the system
closes that end when the caller goes, however it goes, and this is noticed here. FOLDER, unless it is empty, is the
command's own, and is removed after it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading

PATIENCE = 3  # seconds between asking a process to end and ending it


def end(child):
    """Ask the command to end, then make it."""
    signal_all(child, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(PATIENCE)
    signal_all(child, getattr(signal, "SIGKILL", signal.SIGTERM))


def signal_all(child, number):
    """Send a signal to the command and to all that it started."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(child.pid)], capture_output=True)
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)


def main(folder, *command):
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def until_the_caller_is_gone():
        os.read(0, 1)
        end(child)

    threading.Thread(target=until_the_caller_is_gone, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())  # it may take its time to leave
    code = child.wait()
    end(child)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
