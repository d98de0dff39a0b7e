"""Step 8: whatever is taken away in the middle of a class, every client ends with every event, once and in order."""

import contextlib
import signal
import sqlite3
import threading
from collections import Counter

import httpx
import psutil
import pytest

from course.processes import wait_for
from course.served import Cable
from course.testkit.crowd import Hall, Reader, StreamReader, Writer
from course.testkit.workers import workers

PHYSICS = {"room": "physics"}


def kill_a_worker(fleet):
    port = fleet.places[0]
    fleet.kill(port)
    try:
        yield
    finally:
        fleet.served.api.start(port)


def restart_redis_empty(fleet):
    with fleet.redis_stopped():
        yield


def reload_nginx(fleet):
    fleet.served.api.nginx.reload(fleet.served.api.conf())
    yield
    fleet.served.api.nginx.reload(fleet.served.api.conf())


def stop_a_worker_and_let_it_go_on(fleet):
    process = psutil.Process(fleet.served.api.workers[fleet.places[0]].popen.pid).children()[0]
    process.send_signal(signal.SIGSTOP)
    later = threading.Timer(3, process.send_signal, [signal.SIGCONT])
    later.start()
    yield
    later.join()


def cut_a_worker_off_from_redis(fleet):
    with Cable(fleet.redis_port) as cable:
        port = fleet.served.api.add({"FLASK_REDIS_URL": cable.url})
        cable.cut()
        try:
            yield
        finally:
            cable.mend()
            fleet.served.api.send_away(port)


def deploy_worker_by_worker(fleet):
    for port in fleet.places:
        fleet.served.api.add()
        fleet.served.api.send_away(port)
    yield


FAULTS = [kill_a_worker]
MORE_FAULTS = [
    reload_nginx,
    restart_redis_empty,
    stop_a_worker_and_let_it_go_on,
    cut_a_worker_off_from_redis,
    deploy_worker_by_worker,
]
ALL_FAULTS = [*FAULTS, *(pytest.param(fault, marks=pytest.mark.long) for fault in MORE_FAULTS)]
LARGE = [pytest.mark.long, pytest.mark.slow]  # 200 sockets, 50 streams


def test_an_export_that_another_worker_has_given_up_reports_nothing_more(fleet):
    for _ in range(10):
        job = httpx.post(f"{fleet.at(0)}/api/exports").json()["job"]
        last = given_up(fleet, job)
        if last is not None:  # else it was done too soon
            break

    with fleet.stream(channel=f"job:{job}", last_event_id=last) as stream:
        assert stream.silent(0.5), "who reads of it has been told that it failed"


def given_up(fleet, job):
    """Give up an export in the database, as another worker does: its last number, or None if it is too late."""
    with contextlib.closing(sqlite3.connect(fleet.database, timeout=10)) as connection, connection:
        open_still = "UPDATE job SET error = 'It was lost.' WHERE id = ? AND percent < 80"
        if connection.execute(open_still, [job]).rowcount:
            return connection.execute("SELECT last FROM channel WHERE name = ?", [f"job:{job}"]).fetchone()[0]


def test_a_whisper_finds_somebody_who_has_just_come_to_another_worker(fleet):
    ada, grace = fleet.person("ada"), fleet.person("grace")
    with (
        fleet.socket(visitor=ada, auth=PHYSICS, address=fleet.at(0)) as learner,
        fleet.socket(visitor=grace, auth=PHYSICS, address=fleet.at(1)) as teacher,
    ):
        learner.send("whisper", {"to": "grace", "text": "Are you back?"})

        assert teacher.next("whisper", within=4).data["text"] == "Are you back?"


@pytest.mark.long
def test_who_whispers_does_not_wait_for_a_redis_that_hangs(fleet):
    ada, grace = fleet.person("ada"), fleet.person("grace")
    with (
        fleet.socket(visitor=ada, auth=PHYSICS, address=fleet.at(0)) as learner,
        fleet.socket(visitor=grace, auth=PHYSICS, address=fleet.at(0)) as teacher,
        fleet.redis_hung(),
    ):
        assert learner.call("whisper", {"to": "grace", "text": "Psst"}, within=5) == {"ok": True}
        assert teacher.next("whisper").data["text"] == "Psst", "at one worker, it needs no queue"


@pytest.mark.parametrize("goes", ["killed", pytest.param("sent away", marks=pytest.mark.long)])
def test_an_export_ends_though_its_worker_goes(fleet, goes):
    port = fleet.served.api.add()
    worker = fleet.served.api.workers[port]
    job = httpx.post(f"http://localhost:{port}/api/exports").headers["Location"]
    if goes == "killed":
        fleet.kill(port)
    else:
        fleet.served.api.send_away(port)

    def said():
        return httpx.get(fleet.api + job).json()

    assert wait_for(15, lambda: said()["done"]), "nobody waits for ever"
    if goes == "killed":
        fleet.served.api.send_away(port)  # the tests that follow have two workers again
    log = "\n".join([*worker.lines, f"(it ended with {worker.popen.returncode})"])
    assert ("error" in said()) == (goes == "killed"), f"who leaves in peace ends what was begun; it said:\n{log}"


@pytest.mark.parametrize("size", [1, pytest.param(10, marks=LARGE)])
@pytest.mark.parametrize("fault", ALL_FAULTS, ids=lambda fault: fault.__name__)
def test_nothing_is_lost_and_nothing_comes_twice(fleet, fault, size):
    assert fleet.lesson.has_workers, "nginx should stand before the workers"
    ada = fleet.person("ada")
    start = fleet.newest()
    texts = [f"{fault.__name__} {size} {number}" for number in range(40 * size)]
    hall = Hall(fleet, 20 * size, start, ada)
    readers = [Reader(fleet, transport, start) for transport in ("websocket", "polling")]
    readers += [StreamReader(fleet, None, start, ada if number % 2 else None) for number in range(5 * size)]
    ways = ["websocket", "polling"]
    writers = [Writer(fleet, way, texts[number::2], pause=0.05) for number, way in enumerate(ways)]
    for person in [hall, *readers, *writers]:
        person.thread.start()

    def progress():
        return sum(len(writer.asked) for writer in writers) / len(texts)

    assert wait_for(60, lambda: progress() > 0.2)
    with contextlib.contextmanager(fault)(fleet):
        assert wait_for(60, lambda: progress() > 0.7), "the class should go on meanwhile"
    assert wait_for(60, lambda: progress() == 1)

    asked = Counter(question["text"] for question in ada.get("/api/questions").json())
    assert all(asked[text] == 1 for text in texts), "each question should be there, once"
    expected = list(range(start + 1, fleet.newest() + 1))
    assert len(expected) == len(texts), "and each should have its number"
    for seat in [*hall.seats, *(reader.seat for reader in readers)]:
        wait_for(20, lambda seat=seat: seat.last == expected[-1])
        assert seat.seen == expected, "every number once and in order"
    for person in [hall, *readers]:
        person.stop.set()
    for person in [hall, *readers]:
        person.thread.join(5)  # the tests that follow are alone
    assert ada.get("/api/me").json()["name"] == "ada", "and nobody is signed out"


@pytest.mark.long
def test_when_connections_to_redis_go_silent_others_are_opened(lesson):
    ada, grace = lesson.person("ada"), lesson.person("grace")
    with (
        Cable(lesson.redis_port) as cable,
        workers(lesson, REDIS_URL=cable.url) as (one, other),
        lesson.socket(visitor=ada, auth=PHYSICS, address=one) as learner,
        lesson.socket(visitor=grace, auth=PHYSICS, address=other) as teacher,
    ):

        def whispered():
            answer = learner.call("whisper", {"to": "grace", "text": "Psst"}, within=5)
            return answer.get("ok") and not teacher.silent("whisper", seconds=1)

        assert wait_for(5, whispered)
        cable.hush()
        assert wait_for(12, whispered), "the queue should carry whispers again"
