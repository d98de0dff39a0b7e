"""Step 7: whatever is taken away in the middle of a class, every client ends with every event, once and in order."""

import contextlib
import secrets
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed

import httpx
import psutil
import pytest

from course.processes import wait_for
from course.served import Cable
from course.testkit.crowd import Hall, Reader, StreamReader, Writer
from course.testkit.sockets import first_way


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


def test_what_is_under_way_when_a_worker_leaves_is_answered(fleet):
    port = fleet.served.api.add() if fleet.lesson.has_workers else fleet.places[0]
    address, ada = f"http://localhost:{port}", fleet.person("ada")
    sent = {"name": "ada", "password": "live-flask"}  # a password takes a tenth of a second to check
    with (
        fleet.socket(visitor=ada, address=address) as socket,
        fleet.stream(address=address) as stream,
        ThreadPoolExecutor(9) as others,
    ):
        under_way = [others.submit(httpx.post, f"{address}/api/login", json=sent, timeout=20) for _ in range(8)]
        assert next(as_completed(under_way)).result().status_code == 200
        gone = others.submit(fleet.served.api.send_away, port)

        assert socket.ends(within=5), "its clients are sent elsewhere"
        assert stream.next(within=5) is None
        assert {answer.result().status_code for answer in under_way} <= {200, 503}, "answered, or refused in words"
        gone.result()


@first_way
def test_the_clients_of_a_worker_that_leaves_go_to_another(fleet, client, transport):
    port = fleet.served.api.add() if fleet.lesson.has_workers else fleet.places[0]
    with ThreadPoolExecutor(1) as others, contextlib.ExitStack() as crowd:
        here = []
        while not here:  # nginx sends some of them to the new worker
            seat = crowd.enter_context(fleet.socket(client=client, transport=transport, comes_back=True))
            here += [seat] * (seat.next("here").data["worker"] == str(port))
        before = here[0].sid()
        gone = others.submit(fleet.served.api.send_away, port)

        assert here[0].comes_back(before, within=10), "it should be cut off, and not be told to stay away"
        assert here[0].call("ask", {"text": "Here again", "key": secrets.token_hex(8)})["ok"]
        gone.result()
