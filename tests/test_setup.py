"""The first start on a machine that has Python and nothing else, and everything that may be missing there."""

import ast
import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from course.catalogue import ROOT

BARE = getattr(sys, "_base_executable", sys.executable)  # the Python outside .venv
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "node_modules", "instance", "__pycache__", ".*_cache")
OFFLINE = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_CACHE_DIR": "1"}


@pytest.fixture
def copy(tmp_path):
    """The course as a fresh clone would be, in a folder with a difficult name."""
    return shutil.copytree(ROOT, tmp_path / "my course ü", ignore=NOT_COPIED)


def start(copy, *words, **env):
    """`python3 -m course` there, on a Python that has no packages."""
    env = {**{name: value for name, value in os.environ.items() if not name.startswith("PIP_FIND")}, **env}
    return subprocess.run(
        [BARE, "-m", "course", *words], cwd=copy, env=env, capture_output=True, text=True, timeout=240
    )


def refused(answer, *words):
    """Whether it ended with code 1 and a sentence that has these words, and no traceback."""
    last = answer.stderr.strip().splitlines()[-1]
    assert answer.returncode == 1 and "Traceback" not in answer.stderr, answer.stderr
    return all(word in last for word in words)


def machine(tmp_path, **modules):
    """A machine that differs: modules that Python finds first."""
    for name, text in modules.items():
        (tmp_path / f"{name}.py").write_text(text)
    return {"PYTHONPATH": str(tmp_path)}


def test_the_first_start_sets_up_and_the_second_just_starts(copy):
    if not os.environ.get("CI") and not online():
        pytest.skip("needs the Internet, once")
    first = start(copy)

    assert first.returncode == 0, first.stderr
    assert "Setting up" in first.stderr and "Live Flask" in first.stdout
    assert "Setting up" not in first.stdout, "progress should not get into a pipe"

    second = start(copy, **OFFLINE)
    assert second.stdout == first.stdout and second.stderr == ""

    (copy / ".venv" / "set-up-for-run").write_text("half done")
    third = start(copy)
    assert "Setting up" in third.stderr and third.stdout == first.stdout, "an unfinished set-up should be finished"

    lock = copy / "requirements" / "run.txt"
    lock.write_text(lock.read_text(encoding="utf-8") + "# a new release\n", encoding="utf-8")
    fourth = start(copy, **OFFLINE)
    assert "Setting up" in fourth.stderr and fourth.stdout == first.stdout, "what is installed needs no network again"


def test_without_a_network_it_says_to_connect_once_and_leaves_nothing(copy):
    assert refused(start(copy, **OFFLINE), "connect to the Internet")
    assert not (copy / ".venv").exists()


def test_a_machine_without_the_venv_module_is_told_what_to_install(copy, tmp_path):
    missing = machine(tmp_path, ensurepip="raise ImportError('no ensurepip')")

    assert refused(start(copy, **missing), "venv", "sudo apt install python3-venv")


def test_a_full_disk_is_told_how_much_to_free(copy, tmp_path):
    full = machine(
        tmp_path, sitecustomize="import shutil\nshutil.disk_usage = lambda path: shutil._ntuple_diskusage(1, 1, 0)"
    )

    assert refused(start(copy, **full), "disk is full", "MiB")


@pytest.mark.parametrize(
    ("pip_says", "told"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "check the proxy or mirror"),
        ("something nobody thought of", "something nobody thought of"),
    ],
)
def test_what_a_tool_says_becomes_a_sentence(pip_says, told):
    command = [sys.executable, "-c", f"raise SystemExit({pip_says!r})"]
    program = (
        f"from course import bootstrap\ntry: bootstrap.step('It', {command!r})\nexcept bootstrap.Trouble as t: print(t)"
    )

    said = subprocess.run([BARE, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30).stdout

    assert told in said


def test_an_old_python_is_told_which_one_is_needed(copy, tmp_path):
    old = machine(tmp_path, sitecustomize="import sys\nsys.version_info = (3, 9, 18, 'final', 0)")

    assert refused(start(copy, **old), "needs Python 3.11 or newer")


@pytest.mark.parametrize("file", ["__init__.py", "__main__.py", "bootstrap.py"])
def test_an_old_python_can_read_that_far(file):
    ast.parse((ROOT / "course" / file).read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.skipif(
    not shutil.which("setpriv") and hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write"
)
def test_a_folder_that_cannot_be_written_to_is_named(copy):
    copy.chmod(0o555)
    rights = "-dac_override,-dac_read_search,-fowner"
    as_anybody = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"] if os.geteuid() == 0 else []

    answer = subprocess.run([*as_anybody, BARE, "-m", "course"], cwd=copy, capture_output=True, text=True, timeout=60)
    copy.chmod(0o755)

    assert refused(answer, str(copy), "cannot be written to")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signal")
def test_ctrl_c_during_the_set_up_is_no_traceback(copy):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # an index that never answers
        env = {**os.environ, **OFFLINE, "PIP_INDEX_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/simple"}
        process = subprocess.Popen(
            [BARE, "-m", "course"], cwd=copy, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        silent.settimeout(60)
        with silent.accept()[0]:  # pip is asking now
            with subprocess.Popen(
                [BARE, "-m", "course"], cwd=copy, env=env, stderr=subprocess.PIPE, text=True
            ) as other:
                assert "waiting" in other.stderr.readline(), "a second terminal should wait for the first"
                other.kill()

            os.killpg(process.pid, signal.SIGINT)
            said = process.communicate(timeout=20)[1]

    assert process.returncode == 130 and "The next start finishes the set-up." in said
    assert "Traceback" not in said
    assert not (copy / ".venv" / "set-up-for-run").exists()


def online():
    try:
        socket.create_connection(("pypi.org", 443), timeout=3).close()
    except OSError:
        return False
    return True
