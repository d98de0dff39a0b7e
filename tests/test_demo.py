"""`python3 -m course demo N`, as an instructor meets it: acts that show what they say, one for each Enter."""

import io
import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import psutil
import pytest
from rich.console import Console

from course import demo
from course.catalogue import ROOT, lessons
from course.diff import files
from course.processes import Trouble, free_port, wait_for

LESSONS = list(lessons().values())
ACT = re.compile(r"^(\d+) of (\d+) ─+$", re.M)
WIDE, HIGH = 80, 14  # a terminal, and how much of it an act may take, for a room reads large letters
READY = "Ctrl-C stops. "


def command(number, *words):
    places = [f"--api-port={free_port()}", f"--page-port={free_port()}"]
    return [sys.executable, "-m", "course", "demo", str(number), "--no-browser", *places, *words]


def environ(tmp_path, **more):
    """A terminal of 80 columns, a folder for what is passing, and a board of the learner's own."""
    own = f"sqlite:///{tmp_path.as_posix()}/mine.db"
    passing = tmp_path / "passing"
    passing.mkdir()
    return {**os.environ, "COLUMNS": str(WIDE), "TMPDIR": str(passing), "FLASK_SQLALCHEMY_DATABASE_URI": own, **more}


def play(number, env, *words):
    how = {"cwd": ROOT, "env": env, "capture_output": True, "text": True, "encoding": "utf-8", "timeout": 180}
    return subprocess.run(command(number, *words), stdin=subprocess.DEVNULL, **how)


def acts_in(said):
    """What each act says and shows: its sentence, and the lines under it."""
    numbers, parts = ACT.findall(said), ACT.split(said)[3::3]
    assert [int(number) for number, _ in numbers] == list(range(1, len(numbers) + 1)), said
    assert {int(total) for _, total in numbers} == {len(numbers)}, "and it should be said how many there are"
    for part in parts:
        sentence, _, shown = part.strip("\n").partition("\n\n")
        yield " ".join(sentence.split()), [line for line in shown.splitlines() if line.startswith("  ")]


@pytest.mark.long
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_demo_plays_through(lesson, tmp_path):
    answer = play(lesson.number, environ(tmp_path), "--auto")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    told = list(acts_in(answer.stdout))
    assert 10 <= len(told) <= 15, "a story for one class"
    for sentence, shown in told:
        assert sentence.endswith("."), f"an act should say a sentence, and not: {sentence}"
        assert shown, f"there should be something to see: {sentence}"
        assert len(shown) + 2 <= HIGH, f"and not too much: {sentence}"
    assert max(map(len, answer.stdout.splitlines())) <= WIDE
    assert "left out" not in answer.stdout, "the tests have a browser and an nginx"
    assert [path.name for path in tmp_path.rglob("*")] == ["passing"], (
        "nothing is left, and the learner's board not used"
    )


@pytest.mark.long
def test_without_a_chromium_what_needs_one_is_left_out(tmp_path):
    answer = play(4, environ(tmp_path, CHROMIUM="/nowhere/chromium"), "--auto")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    ends = [" ".join(" ".join(shown).split()) for _, shown in acts_in(answer.stdout)]
    left_out = [end for end in ends if end.endswith("it needs a Chromium, and /nowhere/chromium does not start.")]
    assert 0 < len(left_out) < len(ends), "and the others are played"


def stage_of(*story):
    """Play such a story without a lesson; gives what is shown."""
    shown = io.StringIO()
    demo.play(story, None, Console(file=shown, width=WIDE), auto=True)
    return shown.getvalue()


def an_act(stage):
    """Something happens."""
    yield "[bold]as it came[/]"


def test_what_is_shown_is_shown_as_it_came():
    assert "[bold]as it came[/]" in stage_of(an_act)


def test_an_act_that_does_not_show_what_it_says_ends_the_demo_in_a_sentence():
    def nothing_comes(stage):
        """Alice's question arrives."""
        yield "Alice asks."
        assert stage, "bob should see it"

    def breaks(stage):
        """A program connects."""
        yield "It connects."
        socket.create_connection(("127.0.0.1", free_port()))

    with pytest.raises(Trouble, match=r"^Act 2 of 3 did not show what it says: bob should see it$"):
        stage_of(an_act, nothing_comes, an_act)
    with pytest.raises(Trouble, match=r"^Act 1 of 1 did not show what it says: .*refused"):
        stage_of(breaks)


@pytest.fixture
def show(tmp_path):
    """Starts the demo of lesson 1 as at a terminal; gives it once it waits for Enter the first time."""
    started = []

    def start(*words):
        heed = None if os.name == "nt" else lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(command(1, *words), cwd=ROOT, env=environ(tmp_path), **pipes, preexec_fn=heed)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def until_it_waits(process):
    """What it says until it waits for Enter."""
    said = b""
    while not said.endswith(READY.encode()):
        piece = os.read(process.stdout.fileno(), 1000)
        assert piece, f"it should wait for Enter, and ended: {said.decode()}"
        said += piece
    return said.decode()


@pytest.mark.long
def test_enter_moves_on_by_one_act(show):
    process = show()
    begin = until_it_waits(process)
    assert "Lesson 1" in begin and "Enter begins" in begin and not ACT.findall(begin)

    for number in "123":
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert [act for act, _ in ACT.findall(until_it_waits(process))] == [number], "one act, and no more"


@pytest.mark.long
def test_the_wire_shows_each_act_under_its_sentence(show):
    process = show("--wire")
    assert "The wire  http://localhost:9101" in until_it_waits(process)
    for _ in range(2):
        process.stdin.write(b"\n")
        process.stdin.flush()
        said = " ".join(until_it_waits(process).split())

    story = httpx.get("http://localhost:9101/story.txt").text
    first, second = re.findall(r"→ +[12]\. (.+)$", story, re.M)
    assert second in said and first not in said
    assert re.search(r"→ API +GET /$", story.partition(second)[2], re.M), "what it sends comes below"


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal to send")
@pytest.mark.parametrize("acts", [0, 2], ids=["before the first act", "with a browser open"])
def test_ctrl_c_while_it_waits_leaves_nothing(show, tmp_path, acts):
    process = show()
    until_it_waits(process)
    for _ in range(acts):
        process.stdin.write(b"\n")
        process.stdin.flush()
        until_it_waits(process)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 4, "a page, an API, and their guards"

    process.send_signal(signal.SIGINT)
    process.wait(30)

    assert process.returncode == 0 and b"Stopped." in process.stdout.read()
    assert wait_for(10, lambda: not [child for child in children if child.is_running()]), "all of them should be gone"
    assert not list((tmp_path / "passing").iterdir())


@pytest.mark.long
def test_the_end_of_input_is_ctrl_c(tmp_path):
    answer = play(1, environ(tmp_path))

    assert answer.returncode == 0 and answer.stdout.endswith("Stopped.\n") and not ACT.findall(answer.stdout)


@pytest.mark.parametrize("option", ["--api-port", "--page-port"])
def test_a_port_that_is_taken_is_named_with_the_cure(tmp_path, option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = play(1, environ(tmp_path), f"{option}={port}")

    assert answer.returncode == 1
    assert f"Port {port} is taken by another program. Close it, or choose another: " in answer.stderr
    suggested = answer.stderr.partition("python3 -m course ")[2]
    assert suggested.startswith("demo 1 --no-browser ")
    places = re.findall(r"(--\w+-port)[ =](\d+)", suggested)
    assert sorted(name for name, _ in places) == ["--api-port", "--page-port"], "each of them once"
    assert str(port) not in dict(places).values()


def test_it_explains_itself():
    answer = subprocess.run(command(1, "--help"), cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert answer.returncode == 0 and answer.stdout.startswith("Usage: python3 -m course demo [OPTIONS] N")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_demo_is_no_part_of_the_app(lesson):
    assert (lesson.folder / "demo.py").is_file()
    assert "demo.py" not in files(lesson.folder)
