"""The commands of `python3 -m course`, as a person at a terminal meets them."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from course.catalogue import ROOT, lessons
from course.cli import main, port_instead, with_ports
from course.processes import answers, free_port, is_free, wait_for

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither such signals nor a pty")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address of the machine")
COURSE = [sys.executable, "-m", "course"]


def course(*words, **options):
    return subprocess.run([*COURSE, *words], cwd=ROOT, capture_output=True, text=True, timeout=60, **options)


def heed_signals():
    """Undo what nohup, or a shell's background, has done to whoever runs these tests."""
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_DFL)


@pytest.fixture
def launch(tmp_path):
    """Starts a command that serves a lesson, and waits until it says that it is ready."""
    started = []

    def start(*words):
        env = {
            **os.environ,
            "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path.as_posix()}/run.db",
            "FLASK_SECRET_KEY": "test",
            "TMPDIR": str(tmp_path),
        }
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        heed = None if os.name == "nt" else heed_signals
        process = subprocess.Popen([*COURSE, *words], cwd=ROOT, env=env, **pipes, preexec_fn=heed)
        started.append(process)
        process.said = []
        for line in process.stdout:
            process.said.append(line)
            if "Ctrl-C stops it." in line:
                break
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def runner(launch):
    """Starts `run` on free ports and waits until it says that it is ready."""

    def start(lesson="1", *options):
        api, page = free_port(), free_port()
        process = launch("run", lesson, "--no-browser", f"--api-port={api}", f"--page-port={page}", *options)
        process.api, process.page = f"http://localhost:{api}", f"http://localhost:{page}"
        return process

    return start


def test_without_a_command_it_lists_the_lessons_and_what_to_type_next():
    said = course().stdout

    for lesson in lessons().values():
        assert lesson.title in said
    assert "python3 -m course run 1" in said


@pytest.mark.parametrize("command", [*main.commands])
def test_every_command_explains_itself(command):
    answer = course(command, "--help")

    assert answer.returncode == 0
    assert answer.stdout.startswith(f"Usage: python3 -m course {command}")


def test_run_serves_page_and_api_and_says_where_once_they_answer(runner):
    process = runner()
    said = "".join(process.said)

    assert process.api in said and process.page in said and "Try first." in said
    assert httpx.get(f"{process.api}/api/questions").json() == []
    assert process.api in httpx.get(f"{process.page}/config.js").text


def test_what_to_try_first_names_the_addresses_of_this_run(runner):
    process = runner("1")
    said = " ".join("".join(process.said).split())

    assert f'await fetch("{process.api}/")' in said
    assert not re.search(r"\b[58]101\b", said), "the usual ports are not those of this run"


@linux_only
def test_with_host_a_phone_finds_the_page_and_may_use_the_api(launch):
    api, page = free_port(), free_port()
    process = launch("run", "1", "--host", "127.0.0.2", "--no-browser", f"--api-port={api}", f"--page-port={page}")
    origin, said = f"http://127.0.0.2:{page}", "".join(process.said)

    assert f"http://127.0.0.2:{api}" in httpx.get(f"{origin}/config.js").text, "the page should know the way"
    answer = httpx.get(f"http://127.0.0.2:{api}/api/questions", headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert origin in said and "█▄" in said, "its address should be there to read, and as a QR code"
    assert "Everybody in your network reaches the page and the API" in " ".join(said.split())
    assert not answers(api) and not answers(page), "it should listen at that address alone"


@linux_only
@pytest.mark.long
@pytest.mark.parametrize("words", [["4"], ["5"], ["5", "--workers=2"]], ids=" ".join)
def test_with_host_the_demo_class_has_passwords_that_nobody_knows(launch, words):
    api, page = free_port(), free_port()
    process = launch("run", *words, "--host=127.0.0.2", "--no-browser", f"--api-port={api}", f"--page-port={page}")
    made = dict(re.findall(r"so (\w+) has a new password: (\S+)", "".join(process.said)))

    def sign_in(name, password):
        return httpx.post(f"http://127.0.0.2:{api}/api/login", json={"name": name, "password": password}).status_code

    assert sorted(made) == ["ada", "ben", "grace"], "each should be told once"
    assert [sign_in(name, "live-flask") for name in made] == [401, 401, 401]
    assert [sign_in(name, password) for name, password in made.items()] == [200, 200, 200]


def test_an_address_of_another_machine_is_refused():
    done = course("run", "1", "--host", "192.0.2.1")

    assert done.returncode == 1
    assert "192.0.2.1 is not an address of this machine" in done.stderr


def test_in_a_text_of_the_notes_only_the_usual_ports_of_the_lesson_are_replaced():
    text = "http://localhost:5102/api, http://localhost:8102, -p 5102; 15102, 51020 and http://localhost:5101 stay"
    swapped = with_ports(text, lessons()[2], 8102, 5102)

    assert swapped == "http://localhost:8102/api, http://localhost:5102, -p 8102; 15102, 51020 and " + (
        "http://localhost:5101 stay"
    )


@posix_only
@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("SIGINT", ["1"]),
        ("SIGTERM", ["1"]),
        pytest.param("SIGHUP", ["1"], marks=pytest.mark.long),
        pytest.param("SIGKILL", ["1"], marks=pytest.mark.long),
        ("SIGKILL", ["2"]),
        pytest.param("SIGKILL", ["5", "--workers=2"], marks=pytest.mark.long),
    ],
)
def test_however_it_ends_no_process_port_or_file_is_left(runner, ending, words, tmp_path):
    process = runner(*words)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 4, "a page, an API, and their guards"

    process.send_signal(getattr(signal, ending))
    process.wait(30)

    assert wait_for(10, lambda: not [child for child in children if child.is_running()]), "all of them should be gone"
    assert not answers(urlsplit(process.api).port) and not answers(urlsplit(process.page).port)

    def left():
        return {path.name.partition("-")[0] for path in tmp_path.rglob("*")}

    assert wait_for(5, lambda: left() == {"run.db"}), f"what people asked stays, and nothing else: {left()}"
    if ending != "SIGKILL":
        assert process.returncode == 0 and "Stopped." in process.stdout.read()


@pytest.mark.long
@posix_only
def test_workers_come_and_go_as_somebody_types(runner, tmp_path):
    process = runner("5", "--workers=2")
    children = psutil.Process(process.pid).children(recursive=True)
    labels = re.findall(r"^  (The page|The API|Workers|Notes) |^(Try first)", "".join(process.said), re.M)
    assert ["".join(label) for label in labels] == ["The page", "The API", "Workers", "Notes", "Try first"]

    def answered(typed, pattern):
        process.stdin.write(f"{typed}\n")
        process.stdin.flush()
        return next(found[1] for line in process.stdout if (found := re.search(pattern, line)))

    def serving():
        return {httpx.get(f"{process.api}/ready").json()["worker"] for _ in range(12)}

    first = serving()
    third = answered("+", r"Worker (\d+) has come")
    assert len(first) == 2 and serving() == first | {third}

    for left in (2, 1):
        gone = answered("-", r"Worker (\d+) has left")
        assert gone not in serving() and len(serving()) == left
    assert answered("-", "(The last worker stays)") and serving() == {third}

    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert wait_for(10, lambda: not [child for child in children if child.is_running()]), "all of them should be gone"
    assert {path.name for path in tmp_path.rglob("*")} == {"run.db"}


@pytest.mark.long
@posix_only
def test_ctrl_c_while_workers_start_returns_when_all_are_gone(tmp_path):
    words = ["run", "5", "--workers=4", "--no-browser", f"--api-port={free_port()}", f"--page-port={free_port()}"]
    env = {**os.environ, "TMPDIR": str(tmp_path), "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/run.db"}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen([*COURSE, *words], cwd=ROOT, env=env, **pipes, preexec_fn=heed_signals) as process:
        runner = psutil.Process(process.pid)
        assert wait_for(20, lambda: len(runner.children(recursive=True)) >= 8), "Redis, three workers, and their guards"
        children = runner.children(recursive=True)

        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=40)[0].decode()

        left = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        assert not left, f"when the prompt is back, all of it should be gone; it said:\n{said}"
        assert process.returncode == 0 and said.endswith("Stopped.\n")


@pytest.mark.long
@posix_only
def test_the_last_worker_stays_when_another_was_killed(runner):
    process = runner("5", "--workers=2")
    children = psutil.Process(process.pid).children(recursive=True)
    workers = [one for one in children if one.cmdline()[-2:] == ["-m", "lessons.05_scaling"] and not one.children()]
    killed = max(workers, key=lambda one: one.create_time())
    killed.kill()
    assert wait_for(5, lambda: not killed.is_running() or killed.status() == psutil.STATUS_ZOMBIE)
    stayed = wait_for(5, lambda: httpx.get(f"{process.api}/ready").json().get("worker"))

    process.stdin.write("-\n")
    process.stdin.flush()

    assert next(line for line in process.stdout if re.search("The last worker stays| leaves:", line))[:4] == "Type"
    assert httpx.get(f"{process.api}/ready").json()["worker"] == stayed


@pytest.mark.long
@posix_only
def test_it_says_so_when_nginx_ends(runner):
    process = runner("5", "--workers=1")
    children = psutil.Process(process.pid).children(recursive=True)
    (master,) = [one for one in children if "master process" in " ".join(one.cmdline())]

    master.kill()

    assert process.wait(30) == 1
    assert "stopped by itself" in process.stdout.read()


def test_it_says_so_when_the_lesson_ends_by_itself(runner):
    process = runner()
    guard = next(c for c in psutil.Process(process.pid).children() if "lessons.01_cors" in c.cmdline())

    guard.children()[0].kill()

    assert process.wait(30) == 1
    assert "stopped by itself" in process.stdout.read()


def taken(port=0):
    """Another program at this port, or at any."""
    return socket.create_server(("127.0.0.1", port))


def free_hundreds():
    """A port that is free, and so are those 100, 200 and 300 above it; no other test is given one of them."""
    while True:
        port = random.randrange(30000, 32000)  # free_port gives lower ones, systems give higher ones
        if all(is_free(port + more) for more in (0, 100, 200, 300)):
            return port


@pytest.mark.parametrize("option", ["--api-port", "--page-port"])
@pytest.mark.parametrize("spelling", ["{}={}", "{} {}"])
def test_a_port_that_is_taken_is_named_with_the_cure(option, spelling):
    other = "--page-port" if option == "--api-port" else "--api-port"
    free = free_port()
    with taken() as one:
        port = one.getsockname()[1]
        typed = spelling.format(option, port).split()
        answer = course("run", *typed, "1", f"{other}={free}", "--no-browser")

    assert answer.returncode == 1
    cure = re.fullmatch(
        rf"Error: Port {port} is taken by another program. Close it, or choose another: "
        rf"python3 -m course run 1 {other}={free} --no-browser {option} (\d+)\n",  # all that was typed, and the cure
        answer.stderr,
    )
    assert cure, answer.stderr
    assert int(cure[1]) not in (port, free)


def test_with_both_ports_taken_the_one_command_that_is_suggested_works(launch):
    api = free_hundreds()
    page = api + 100
    with taken(api), taken(page):
        answer = course("run", "1", "--no-browser", f"--api-port={api}", "--page-port", str(page))
        message, _, suggested = answer.stderr.strip().partition("python3 -m course ")

        assert message == f"Error: Ports {api} and {page} are taken by other programs. Close them, or choose others: "
        assert re.fullmatch(r"run 1 --no-browser --api-port \d+ --page-port \d+", suggested)
        process = launch(*suggested.split())
        said = "".join(process.said)
        assert "Ctrl-C stops it." in said, said

    *_, api, _, page = suggested.split()
    assert httpx.get(f"http://localhost:{api}/api/questions").json() == []
    assert f"http://localhost:{api}" in httpx.get(f"http://localhost:{page}/config.js").text


def test_the_port_that_is_suggested_is_free_and_not_the_other_one():
    first = free_hundreds()

    assert port_instead(first, []) == first + 100
    assert port_instead(first, [first + 100]) == first + 200, "the other one's port is not for both"
    with taken(first + 200):
        assert port_instead(first, [first + 100]) == first + 300
    assert 1024 <= port_instead(65500, []) < 65500, "no port is above 65535"


def test_one_port_for_both_is_refused():
    answer = course("run", "1", "--no-browser", "--api-port=9999", "--page-port=9999")

    assert answer.returncode == 1 and "two different ones" in answer.stderr


def test_an_engine_where_there_is_none_is_refused():
    answer = course("run", "1", "--engine=eventlet")

    assert answer.returncode == 1 and "engines come with lesson 3" in answer.stderr


@pytest.mark.parametrize("number", ["0", "6", "-1", "one", "1.5"])
def test_a_lesson_that_is_not_there_is_answered_with_those_that_are(number):
    answer = course("diff", "--", number)

    assert answer.returncode == 2 and "choose from 1" in answer.stderr


def test_diff_shows_the_app_against_nothing_for_lesson_1():
    said = course("diff", "1").stdout

    assert said.startswith("# + is what 01_cors has, - is what nothing has instead\n--- /dev/null\n+++ b/__init__.py")
    assert "+++ b/page/board.js" in said and "tests/" not in said
    assert "\x1b[" not in said, "no colours in a pipe"


def test_diff_of_one_file_shows_that_file():
    said = course("diff", "1", "board.py").stdout

    assert re.findall(r"^\+\+\+ (.+)$", said, re.M) == ["b/board.py"]
    assert course("diff", "1", "no_such_file.py").returncode == 1


@posix_only
def test_diff_is_coloured_on_a_terminal():
    import pty

    head, tail = pty.openpty()
    subprocess.run(
        [*COURSE, "diff", "1", "__main__.py"], cwd=ROOT, stdout=tail, env={**os.environ, "PAGER": "cat"}, timeout=30
    )

    assert b"\x1b[" in os.read(head, 100_000)


def test_lab_lists_the_mistakes():
    said = course("lab", "1").stdout

    assert "trailing_slash" in said and "python3 -m course lab 1" in said


def test_lab_shows_the_symptom_and_the_cure_side_by_side():
    answer = course("lab", "1", "trailing_slash")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    for word in ("Mistake", "Symptom", "Cure", "broken", "cured", "(not", "lessons/01_cors/labs/trailing_slash.py"):
        assert word in answer.stdout


def test_a_lab_that_is_not_there_is_answered_with_those_that_are():
    answer = course("lab", "1", "nonsense")

    assert answer.returncode == 1 and "trailing_slash" in answer.stderr


def test_doctor_names_every_part_and_never_fails(tmp_path):
    for words in (["doctor"], ["doctor", "--report"]):
        answer = course(*words, env={**os.environ, "PATH": str(tmp_path), "HOME": str(tmp_path)})

        assert answer.returncode == 0, answer.stderr
        for part in ("Python", "Redis", "nginx", "Chromium", "Node.js", "Ports", "Disk"):
            assert part in answer.stdout


def test_the_report_is_plain_text():
    said = course("doctor", "--report").stdout

    assert "\x1b[" not in said and "│" not in said and all(": " in line for line in said.splitlines())
