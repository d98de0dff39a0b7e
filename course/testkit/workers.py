"""More workers of a lesson under test: served in another way, or with other settings."""

import contextlib
import signal
import sys
from pathlib import Path

import httpx

from ..processes import Process, free_port, wait_for
from ..running import start_api

PYTHON = [sys.executable, "-m", "{package}"]


@contextlib.contextmanager
def workers(served, count=2, **settings):
    """So many more workers of a board, with other settings: their addresses."""
    ports = [free_port() for _ in range(count)]
    settings = {f"FLASK_{name}": value for name, value in settings.items()}
    with contextlib.ExitStack() as parts:
        for port in ports:
            env = served.served.env | settings | {"FLASK_PORT": str(port)}
            parts.enter_context(start_api(served.lesson, env)).wait_until_it_answers(port, "A worker")
        yield [f"http://localhost:{port}" for port in ports]


@contextlib.contextmanager
def one_more(lesson, engine, command, **settings):
    """One more worker of this lesson, served in one of the ways: its address, and its process."""
    package, deploy, port = lesson.lesson.package, lesson.lesson.folder / "deploy", free_port()
    for part in command:
        path = part.format(package=package, deploy=deploy)
        assert not part.startswith("{deploy}") or Path(path).exists(), f"there should be a file {path}"
    command = [part.format(package=package, deploy=deploy) for part in command]
    settings = {"ASYNC_MODE": engine, "PORT": port, **settings}
    env = lesson.served.env | {f"FLASK_{name}": str(value) for name, value in settings.items()}
    with Process(*command, cwd=lesson.lesson.home, env=env) as process:
        process.wait_until_it_answers(port, "The worker")  # some take connections before they have loaded the app
        assert httpx.get(f"http://localhost:{port}/ready", timeout=30).status_code == 200
        yield f"http://localhost:{port}", process


def is_the_same_board(lesson, address, transport):
    with (
        lesson.socket(address=address, transport=transport) as here,
        lesson.socket() as there,
        lesson.stream(address=address) as stream,
    ):
        question = here.call("ask", {"text": "Who serves me?", "key": f"{address} {transport}"})["question"]

        heard = [here.next("question_asked"), there.next("question_asked"), stream.next(within=2)]
        assert [event.data["question"]["id"] for event in heard] == [question["id"]] * 3
        with lesson.stream(address=address, last_event_id=heard[0].data["seq"] - 1) as again:
            assert again.next(within=2).data["question"]["id"] == question["id"], "not held back"


def serves_the_same_board_and_leaves_in_peace(lesson, engine, command):
    """One more worker, served in one of the ways: its people hear the others, and are sent to them when it leaves."""
    with one_more(lesson, engine, command) as (address, process):
        is_the_same_board(lesson, address, "websocket")
        is_the_same_board(lesson, address, "polling")

        with lesson.socket(address=address) as socket, lesson.stream(address=address) as stream:
            process.popen.send_signal(signal.SIGTERM)
            assert socket.ends(within=8), "its clients are sent elsewhere"
            assert stream.next(within=8) is None
        assert wait_for(8, lambda: not process.running), "and it is gone"
        assert process.popen.returncode == 0, "in peace"
