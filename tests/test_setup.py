"""The first start on a machine that has Python and nothing else, and everything that may be missing there."""

import ast
import contextlib
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from course.catalogue import ROOT

BARE = getattr(sys, "_base_executable", sys.executable)  # the Python outside .venv
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "node_modules", "instance", "my", "__pycache__", ".*_cache")
OFFLINE = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_NO_CACHE_DIR": "1",
    "NO_PROXY": "127.0.0.1",
}
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals and rights")


@pytest.fixture
def copy(tmp_path):
    """The course as a fresh clone would be, in a folder with a difficult name."""
    return shutil.copytree(ROOT, tmp_path / "my course ü", ignore=NOT_COPIED)


def environment(env):
    return {**{name: value for name, value in os.environ.items() if not name.startswith("PIP_FIND")}, **env}


def start(copy, *words, **env):
    """`python3 -m course` there, on a Python that has no packages."""
    command = [BARE, "-m", "course", *words]
    return subprocess.run(command, cwd=copy, env=environment(env), capture_output=True, text=True, timeout=240)


@contextlib.contextmanager
def half_way(copy):
    """`python3 -m course` there, at the moment when its pip waits for an answer that never comes."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        env = environment({**OFFLINE, "PIP_INDEX_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/simple"})
        command = [BARE, "-m", "course"]
        with subprocess.Popen(
            command, cwd=copy, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            try:
                with silent.accept()[0]:
                    yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


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


def begins_anew(copy, tmp_path):
    """Whether the next start makes `.venv` again; it is sent where that fails at once."""
    return refused(start(copy, **machine(tmp_path, ensurepip="raise ImportError('no ensurepip')")), "venv module")


@pytest.mark.long
def test_the_first_start_sets_up_and_the_second_just_starts(copy, tmp_path):
    (tmp_path / "pip.conf").write_text("[install]\nuser = true\n")
    own_ways = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_USER": "1", "PIP_TARGET": "elsewhere"}
    first = start(copy, **own_ways)
    if "connect to the Internet" in first.stderr and not os.environ.get("CI"):
        pytest.skip("this needs the Internet, once")
    assert first.returncode == 0, first.stderr
    assert "Setting up" in first.stderr and "Live Flask" in first.stdout
    assert "Setting up" not in first.stdout, "progress should not get into a pipe"
    if sys.platform == "linux":
        said = int(re.search(r"about (\d+) MiB on disk", first.stderr)[1])
        assert said == pytest.approx(on_disk(copy / ".venv", copy / "node_modules"), rel=0.2), "measure TAKES again"

    second = start(copy, **OFFLINE)
    assert second.stdout == first.stdout and second.stderr == ""

    lock = copy / "requirements" / "run.txt"
    lock.write_text(lock.read_text(encoding="utf-8") + "# a new release\n", encoding="utf-8")
    third = start(copy, **OFFLINE)
    assert third.stdout == first.stdout, "what is installed needs no network again"
    assert "Setting up again: the locked packages, Python or node_modules changed" in third.stderr
    assert "on disk" not in third.stderr, "it takes hardly any more"

    lock.write_text(lock.read_text(encoding="utf-8").replace("click==", "click==1"), encoding="utf-8")
    assert refused(start(copy, **OFFLINE), "connect to the Internet")
    assert (copy / ".venv").exists(), "what worked before should be kept"

    shutil.rmtree(copy / ".venv" / ("Scripts" if os.name == "nt" else "bin"))
    assert begins_anew(copy, tmp_path), "a removed interpreter should be noticed"


def on_disk(*folders):
    """The MiB that these folders take, as du counts them."""
    return sum(path.lstat().st_blocks for folder in folders for path in folder.rglob("*")) / 2048


@pytest.fixture
def tools(tmp_path):
    """A folder of programs in which there is a Node.js, and no Chromium."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("node", "npm"):
        (folder / name).write_text("#!/bin/sh\necho v22.0.0\n")
        (folder / name).chmod(0o755)
    return folder


def what_is_new(answer):
    """The sentence with which a set-up begins, one that could not be finished."""
    assert answer.returncode == 1 and "Traceback" not in answer.stderr, answer.stderr
    return answer.stderr.splitlines()[0]


def first_set_up(copy, tmp_path, *words, **env):
    """How the set-up begins on a fresh clone; it cannot be finished, for the machine lacks ensurepip."""
    missing = machine(tmp_path, ensurepip="raise ImportError('no ensurepip')")
    return what_is_new(start(copy, *words, **missing, **env))


def second_set_up(copy, *words, **env):
    """How it begins where `run` has set up; it cannot be finished, for this pip loads nothing."""
    subprocess.run([BARE, "-m", "venv", "--without-pip", copy / ".venv"], check=True, timeout=60)
    (packages,) = copy.glob(".venv/lib/python*/site-packages")
    (packages / "pip.py").write_text("import sys\nif 'install' in sys.argv:\n    sys.exit('timed out')\n")
    served = "from course import bootstrap\nopen(bootstrap.stamp('run'), 'w').write(bootstrap.fingerprint('run'))"
    subprocess.run([BARE, "-c", served], cwd=copy, check=True, timeout=60)
    return what_is_new(start(copy, *words, **env))


brings_a_browser = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="here the set-up never brings a browser"
)


@posix
def test_the_set_up_for_run_says_what_it_brings_and_how_much_disk_that_takes(copy, tmp_path, tools):
    said = first_set_up(copy, tmp_path, "run", "1", PATH=str(tools))
    assert said == "Setting up, once: Python packages and the browser's Socket.IO client, about 150 MiB on disk."

    (tools / "node").unlink()
    said = first_set_up(copy, tmp_path, "run", "1", PATH=str(tools))
    assert "Python packages, Node.js and the browser's Socket.IO client, about 350 MiB on disk." in said


@brings_a_browser
@pytest.mark.parametrize("command", ["test", "check", "demo"])
def test_the_set_up_after_that_of_run_says_what_is_new_and_how_much_it_takes_in_all(copy, tools, command):
    said = second_set_up(copy, command, "1", PATH=str(tools), CHROMIUM="")

    new = "a browser and what the tests need, about 610 MiB more on disk (760 MiB in all)."
    assert said == f"Setting up the rest, once: {new}"


@brings_a_browser
@pytest.mark.parametrize("command", ["test", "check", "demo"])
def test_one_set_up_for_everything_says_how_much_it_takes(copy, tmp_path, tools, command):
    said = first_set_up(copy, tmp_path, command, "1", PATH=str(tools), CHROMIUM="")

    everything = "Python packages, a browser and what the tests need, about 760 MiB on disk."
    assert said == f"Setting up, once: {everything}"


@posix
def test_where_a_browser_is_there_none_is_brought_and_less_disk_is_taken(copy, tools):
    said = second_set_up(copy, "check", "1", PATH=str(tools), CHROMIUM="/usr/bin/chromium")

    assert said == "Setting up the rest, once: what the tests need, about 410 MiB more on disk (560 MiB in all)."


@posix
@pytest.mark.long
def test_a_set_up_that_was_killed_is_begun_anew(copy, tmp_path):
    with half_way(copy) as process:
        os.killpg(process.pid, signal.SIGKILL)
    assert (copy / ".venv").exists()

    assert begins_anew(copy, tmp_path), "what may be half a package should not be trusted"


@pytest.mark.long
@posix
def test_ctrl_c_during_the_set_up_is_no_traceback_and_frees_the_second_terminal(copy):
    with half_way(copy) as process:
        command = [BARE, "-m", "course"]
        with subprocess.Popen(command, cwd=copy, env=environment(OFFLINE), stderr=subprocess.PIPE, text=True) as other:
            assert "waiting" in other.stderr.readline(), "a second terminal should wait for the first"

            os.killpg(process.pid, signal.SIGINT)
            said = process.communicate(timeout=20)[1]

            assert "Setting up" in other.stderr.readline(), "then it should be its turn"
            other.kill()

    assert process.returncode == 130 and "The next start finishes the set-up." in said
    assert "Traceback" not in said


@pytest.mark.long
def test_without_a_network_it_says_to_connect_once_and_leaves_nothing(copy):
    assert refused(start(copy, **OFFLINE), "connect to the Internet")
    assert not (copy / ".venv").exists()


def test_a_machine_without_the_venv_module_is_told_what_to_install(copy, tmp_path):
    missing = machine(tmp_path, ensurepip="raise ImportError('no ensurepip')")

    assert refused(start(copy, **missing), "venv", "sudo apt install python3-venv")
    assert not (copy / ".venv").exists()


def test_a_full_disk_is_told_how_much_to_free(copy, tmp_path):
    full = machine(
        tmp_path, sitecustomize="import shutil\nshutil.disk_usage = lambda path: shutil._ntuple_diskusage(1, 1, 0)"
    )

    assert refused(start(copy, **full), "disk is full", "MiB")


def test_a_disk_that_fills_up_in_the_first_step_is_told_by_its_name(copy, tmp_path):
    filling = "import itertools, shutil\nfree = itertools.chain([2**40], itertools.repeat(0))\n"
    filling += "shutil.disk_usage = lambda path: shutil._ntuple_diskusage(1, 1, next(free))"
    failing = "if __name__ == '__main__': raise SystemExit('Error: ensurepip returned non-zero exit status 1.')"

    assert refused(start(copy, **machine(tmp_path, sitecustomize=filling, venv=failing)), "disk is full", "MiB")
    assert not (copy / ".venv").exists()


@pytest.mark.parametrize(
    ("tool_says", "told"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "check the proxy or mirror"),
        ("npm error code EAI_AGAIN", "connect to the Internet"),
        ("connection broken by 'SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] ...", "certificate is not trusted"),
        ("ERROR: No matching distribution found for this machine", "No matching distribution found for this machine"),
        ("something nobody thought of", "something nobody thought of"),
    ],
)
def test_what_a_tool_says_becomes_a_sentence(tool_says, told):
    command = [sys.executable, "-c", f"raise SystemExit({tool_says!r})"]
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


@posix
def test_a_folder_that_cannot_be_written_to_is_named(copy):
    as_anybody = []
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root may write everywhere")
        rights = "-dac_override,-dac_read_search,-fowner"
        as_anybody = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"]
    copy.chmod(0o555)

    answer = subprocess.run([*as_anybody, BARE, "-m", "course"], cwd=copy, capture_output=True, text=True, timeout=60)
    copy.chmod(0o755)

    assert refused(answer, str(copy), "cannot be written to")
