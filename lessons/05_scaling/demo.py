"""Lesson 5 on a projector: three workers behind nginx, from which one thing after the other is taken away."""

import subprocess
import sys
from collections import Counter

from course.demo import exchange
from course.processes import wait_for
from course.testkit.crowd import Hall

LEARNERS = 100
ASKED = HEARS, STILL, WITHOUT, NOTICED = (
    "Who hears me?",
    "Who is still here?",
    "Does it go on without Redis?",
    "Has anybody noticed?",
)
PHYSICS = {"room": "physics"}
POLLING = "/socket.io/?EIO=4&transport=polling"


def who_serves(stage):
    """Three workers stand behind one nginx: each answer says who gave it."""
    answers = [stage.visitor().get("/api/questions") for _ in range(9)]
    served = Counter(answer.headers["X-Worker"] for answer in answers)
    assert set(served) == set(map(str, stage.places)), "all workers should serve"
    yield from exchange(answers[0], "X-Worker")
    yield "…"
    for worker, count in sorted(served.items()):
        yield f"Worker {worker}\t{count} of 9 visitors"
    assert stage.bob.sees("served by", within=10), "bob's page should say who serves it"
    yield f"Bob's page\t{wire(stage.bob)}"


def stay(stage):
    """A session of long polling is in the memory of one worker: another has never heard of it."""
    sid = stage.program().get(f"{stage.at(0)}{POLLING}").text.split('"')[3]
    for number in (0, 1):
        answer = stage.program().post(f"{stage.at(number)}{POLLING}&sid={sid}", content="40")
        yield f"> POST …&sid={sid} to worker {stage.places[number]}"
        yield f"< {answer.status_code} {answer.text.strip()}"
        assert answer.is_success is (number == 0), "only one worker should know the session"


def stay_by_a_cookie(stage):
    """So nginx gives each visitor a cookie, which leads back to the same worker: a sticky session."""
    visitor = stage.visitor()
    answers = [visitor.get("/ready") for _ in range(5)]
    assert len({answer.json()["worker"] for answer in answers}) == 1, "a visitor should stay with one worker"
    yield from exchange(answers[0], "Set-Cookie")
    yield f"Five times\t{', '.join(answer.json()['worker'] for answer in answers)}"


def half_a_class(stage):
    """A worker can send to its own clients only: yet all hear Alice, for each reads the log and tells its own."""
    with (
        stage.socket(address=stage.at(0)) as one,
        stage.socket(address=stage.at(1)) as two,
        stage.socket(address=stage.at(2)) as three,
    ):
        stage.alice.ask(HEARS, "Alice")
        yield f"Alice asks\tat worker {worker_of(stage.alice)}"
        for worker, socket in zip(stage.places, (one, two, three), strict=True):
            heard = socket.next("question_asked", within=5).data
            yield f"Worker {worker}\tquestion_asked, number {heard['seq']}: {heard['question']['text']}"
        assert one.silent("question_asked"), "and once"


def by_the_queue(stage):
    """What is no event of the board goes by a message queue: Ada whispers at one worker, Grace hears it at another."""
    ada, grace = stage.signed_in("ada"), stage.signed_in("grace")
    with (
        stage.socket(visitor=ada, auth=PHYSICS, address=stage.at(0)) as learner,
        stage.socket(visitor=grace, auth=PHYSICS, address=stage.at(1)) as teacher,
    ):
        assert wait_for(5, lambda: names(learner) == names(teacher)), "each should see who is at the other"
        yield f"Worker {stage.places[0]}\thas Ada; in physics are {', '.join(names(learner))}"
        yield f"Worker {stage.places[1]}\thas Grace; in physics are {', '.join(names(teacher))}"
        assert learner.call("whisper", {"to": "grace", "text": "Psst"})["ok"], "it should be sent"
        yield f'> ada, at {stage.places[0]}: whisper {{"to": "grace", "text": "Psst"}}'
        yield f'< grace, at {stage.places[1]}: whisper "{teacher.next("whisper", within=5).data["text"]}"'


def from_outside(stage):
    """A script that is no server speaks to everybody, by the same queue. Look above the questions."""
    command = [sys.executable, stage.lesson.folder / "announce.py", "Ten minutes left"]
    how = {"env": stage.environ, "text": True, "timeout": 30, "stderr": subprocess.STDOUT}
    yield '$ python lessons/05_scaling/announce.py "Ten minutes left"'
    yield subprocess.run(command, stdout=subprocess.PIPE, **how).stdout.strip()
    assert stage.bob.sees("Ten minutes left", within=5), "bob's page should show it"
    yield f"Bob's page\t{stage.bob.page.locator('#announcement').inner_text()}"


def the_hall_fills(stage):
    """A hundred learners come in, each with a connection of her own; each of them counts what she hears."""
    hall = hall_of(stage)
    assert wait_for(30, lambda: len(hall.taken) == LEARNERS), "all of them should find a seat"
    with stage.socket() as socket:
        assert wait_for(10, lambda: here(socket) > LEARNERS), "and all should be counted"
        yield f"Online\t{here(socket)} here"
    yield f"Bob's page\t{wire(stage.bob)}"


def who_knows_what(stage):
    """Each worker measures itself and knows the numbers of all: a teacher sees them live, at /hall."""
    grace = stage.signed_in("grace")
    workers = wait_for(10, lambda: known(grace) if len(known(grace)) == len(stage.places) else None)
    assert workers, "each worker should be known"
    for name, numbers in workers.items():
        clients, sent, memory = (numbers[what] for what in ("clients", "sent", "memory"))
        yield f"Worker {name}\t{clients} clients, {sent} packets sent, {memory >> 20} MiB"
    yield f"As grace, password live-flask: {stage.api}/hall"


def a_worker_is_killed(stage):
    """The worker that serves Bob is killed, without a goodbye: all its clients come back, at another."""
    hall, port = hall_of(stage), worker_of(stage.bob)
    yield f"Bob's page\t{wire(stage.bob)}"
    stage.kill(port)
    yield f"Worker {port}\tis dead"
    stage.alice.ask(STILL, "Alice")
    assert stage.bob.sees(STILL, within=20), "bob should hear what was asked meanwhile"
    assert wait_for(20, lambda: worker_of(stage.bob) != port), "and be served by another"
    yield f"Bob's page\t{wire(stage.bob)}, with what Alice has asked meanwhile"
    yield all_have_all(stage, hall)
    stage.served.api.workers.pop(port)


def a_lease_ends(stage):
    """Its people were counted twice; but each worker's list is on a lease, and the dead do not renew theirs."""
    grace = stage.signed_in("grace")
    yield f"Bob's page\t{wire(stage.bob)}"
    alive = set(map(str, stage.places))
    assert wait_for(15, lambda: set(known(grace)) == alive), "the dead worker's list should be forgotten"
    assert wait_for(5, lambda: count(stage.bob) <= sum(each["clients"] for each in known(grace).values()))
    yield f"Bob's page\t{wire(stage.bob)}, at the latest after five seconds"


def redis_is_stopped(stage):
    """Redis is stopped, notifications and queue with it: the board goes on, for the log is in the database."""
    bob = stage.bob
    with stage.redis_stopped():
        answer = stage.visitor().post("/api/questions", json={"text": WITHOUT})
        yield from exchange(answer, "X-Worker")
        assert bob.sees(WITHOUT, within=10), "bob should hear of it all the same"
        yield f"Bob's page\t{wire(bob)}, has it"
        yield all_have_all(stage, hall_of(stage))


def one_more(stage):
    """A new worker comes while all go on: nginx is told, and sends it who comes next."""
    yield f"Workers\t{', '.join(map(str, stage.places))}"
    port = stage.served.api.add()
    yield f"It comes\t{port}"
    assert wait_for(10, lambda: stage.visitor().get("/ready").json()["worker"] == str(port)), (
        "it should be sent somebody"
    )
    yield f'< {{"ready": true, "worker": "{port}"}}'


def one_leaves(stage):
    """A worker is asked to leave, as in every deployment: it sends its clients elsewhere, and ends what it began."""
    port = stage.places[0]
    with stage.socket(address=stage.at(0)) as socket:
        stage.served.api.send_away(port)
        assert socket.ends(within=5), "who was there should be sent elsewhere"
    yield f"Worker {port}\thas sent its clients to the others, and left"
    stage.alice.ask(NOTICED, "Alice")
    assert stage.bob.sees(NOTICED, within=20), "bob should hear what was asked since"
    assert worker_of(stage.bob) != port, "and be served by another"
    assert wait_for(20, lambda: count(stage.bob) >= LEARNERS), "and all should be there again"
    yield f"Bob's page\t{wire(stage.bob)}"
    yield all_have_all(stage, hall_of(stage))


def nothing_lost(stage):
    """After all this: the database is the truth, Redis only notifies, clients count."""
    yield all_have_all(stage, hall_of(stage))
    on_the_board = Counter(each["text"] for each in stage.program().get("/api/questions").json())
    for text in ASKED:
        assert on_the_board[text] == 1, "each question should be there once"
        yield f"There once\t{text}"


def wire(window):
    """What a page says of its connection: by what, how many are here, and who serves it."""
    return window.page.locator("#wire").inner_text()


def count(window):
    """How many are here, as a page says it."""
    assert wait_for(10, lambda: " here" in wire(window)), "the page should say how many are here"
    return int(wire(window).split(" here")[0].split()[-1])


def worker_of(window):
    """The port of the worker that serves a page, as the page says it."""
    assert wait_for(20, lambda: "served by" in wire(window)), "the page should say who serves it"
    return int(wire(window).split()[-1])


def names(socket):
    return socket.call("enter", PHYSICS)["names"]


def here(socket):
    return next((event.data["count"] for event in reversed(socket.heard) if event.type == "online"), 0)


def known(teacher):
    """The numbers of each worker, as a teacher sees them."""
    return teacher.get("/hall/numbers").json()["workers"]


def hall_of(stage):
    """The hundred, who are there from the first time they are needed."""
    if not hasattr(stage, "hall"):
        stage.hall = Hall(stage, LEARNERS, stage.newest())
        stage.parts.callback(stage.hall.stop.set)
        stage.hall.thread.start()
    return stage.hall


def all_have_all(stage, hall):
    """A line that says so, once each of them has every number up to the newest, once and in order."""
    newest = stage.newest()
    for seat in hall.seats:
        wait_for(20, lambda seat=seat: seat.last >= newest)
        assert seat.seen == list(range(seat.last - len(seat.seen) + 1, seat.last + 1)), "each number once, in order"
        assert seat.last >= newest, "each of the hundred should have every event"
    return f"The {len(hall.seats)}\teach has every event up to number {newest}, once and in order"
