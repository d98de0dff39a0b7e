"""The benchmark writes what it measured, and the swarm fills a hall and leaves it as it was."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from xml.etree import ElementTree

import psutil
import pytest

from course.bench import STEP
from course.catalogue import ROOT, lessons
from course.processes import free_port, wait_for
from course.served import LessonUnderTest

COURSE = [sys.executable, "-m", "course"]
LEARNERS = 20
SERVERS = [
    "Node.js socket.io, Redis adapter",
    "a bare send() loop",
    "eventlet, before step 11",
    "eventlet",
    "gevent",
    "threading",
    "eventlet, permessage-deflate",
    "eventlet, no TCP_NODELAY",
    "nginx, 1 worker",
    "nginx, 2 workers",
]


@contextlib.contextmanager
def swarm(url):
    """Learners at this address, until the block ends."""
    command = [*COURSE, "swarm", "5", f"--learners={LEARNERS}", f"--url={url}"]
    heed = None if os.name == "nt" else lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=heed)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def hall(tmp_path):
    """Lesson 5, served by two workers."""
    with LessonUnderTest(lessons()[5], tmp_path, workers=2) as served:
        yield served


def counts(socket):
    """How many are here, as a client was told, one after the other."""
    return [event.data["count"] for event in list(socket.heard) if event.type == "online"]


def has_count(socket, enough):
    """Whether a client is told of so many people, sooner or later."""
    return wait_for(30, lambda: any(map(enough, counts(socket))))


@pytest.mark.long
def test_a_quick_bench_writes_a_table_with_every_row_and_a_picture(tmp_path):
    command = [*COURSE, "bench", "5", "--quick", "--out", str(tmp_path / "out")]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    text = (tmp_path / "out" / "bench.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")][2:]
    assert [row[0] for row in rows] == SERVERS
    for row in rows:
        assert row[0] in answer.stdout, "what is written was shown as it came"
        assert int(row[3].replace(",", "")) > 0, f"{row[0]} should have delivered frames"
    assert len(re.findall(r"^- \*\*(?:met|missed|cannot be judged here)\*\* .+$", text, re.M)) == 5, "the aims"
    picture = ElementTree.parse(tmp_path / "out" / "bench.svg").getroot()
    assert set(SERVERS) - {"a bare send() loop"} <= {element.text for element in picture.iter()}


def test_the_version_before_is_that_before_a_block_is_sent_once():
    assert lessons()[5].steps[STEP] == "Send once"


@pytest.mark.parametrize("command", ["bench", "swarm"])
def test_there_is_nothing_to_measure_or_to_fill_before_lesson_5(command):
    answer = subprocess.run([*COURSE, command, "4"], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert answer.returncode == 1 and "come with lesson 5" in answer.stderr


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_swarm_fills_the_hall_asks_and_leaves_no_trace_of_itself(hall):
    with hall.socket() as grace, swarm(hall.api) as process:
        assert has_count(grace, lambda count: count == LEARNERS + 1), "each learner is somebody else"
        assert grace.next("question_asked", "question_changed", within=30), "they ask, and vote"
        children = psutil.Process(process.pid).children(recursive=True)

        process.send_signal(signal.SIGINT)

        assert process.wait(15) == 0
        said = process.stdout.read()
        assert f"of {LEARNERS} learners here" in said and "Stopped." in said and "refused" not in said
        assert not [child for child in children if child.is_running()]
        assert wait_for(60, lambda: counts(grace)[-1] == 1), "the hall is empty again"


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_who_was_at_a_worker_that_dies_comes_back(hall):
    with swarm(hall.api) as process, hall.socket(address=hall.at(1)) as grace:
        assert has_count(grace, lambda count: count == LEARNERS + 1)
        teacher = hall.person("grace")

        def clients(place):
            return teacher.get("/hall/numbers").json()["workers"].get(str(place), {"clients": 0})["clients"]

        fuller, other = sorted(hall.places, key=clients, reverse=True)  # after a death nginx may have left one out
        hall.kill(fuller)

        assert wait_for(30, lambda: clients(other) > LEARNERS - 3), "all are at the other now, but for who is away"
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
        assert int(re.search(r"(\d+)\s+came\s+back", process.stdout.read())[1]) > 0


def test_a_swarm_without_a_lesson_says_how_to_start_it():
    url = f"http://localhost:{free_port()}"
    answer = subprocess.run([*COURSE, "swarm", "5", "--url", url], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert answer.returncode == 1 and "Traceback" not in answer.stderr
    assert url in answer.stderr and "python3 -m course run 5 --workers 3" in answer.stderr
