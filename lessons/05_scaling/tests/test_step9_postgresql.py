"""Step 9: the tables are brought up to date step by step, in SQLite or PostgreSQL, which is one setting."""

import contextlib
import functools
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pg8000.dbapi
import pytest

from course import services
from course.catalogue import ROOT, Lesson
from course.processes import wait_for
from course.served import Cable, LessonUnderTest
from course.testkit import under_test
from course.testkit.sockets import first_way
from course.testkit.workers import workers


@pytest.fixture(scope="module")
def board(request, tmp_path_factory):
    """Serves the lesson, by so many workers, with these settings, until the tests of this file are done."""
    with contextlib.ExitStack() as parts:

        def serve(lesson=None, workers=None, **settings):
            engine = request.config.getoption("--engine")
            lesson = lesson or under_test(request.config, request.path)
            served = LessonUnderTest(lesson, tmp_path_factory.mktemp("board"), engine, workers)
            served.env |= {f"FLASK_{name}": value for name, value in settings.items()}
            return parts.enter_context(served)

        yield serve


def test_the_database_is_at_the_newest_version(lesson):
    assert "(head)" in lesson.flask("db", "current"), "flask db current should name the last version"


# PostgreSQL


@pytest.fixture(scope="module")
def postgres():
    if services.postgres_folder() is None:
        pytest.skip("needs PostgreSQL: there is no `postgres` on the PATH")
    with services.Postgres() as server:
        yield server


@pytest.fixture(scope="module")
def hall(request, board, postgres):
    """`hall()` is the lesson on PostgreSQL: on an empty database, four workers start at once."""

    @functools.cache
    def serve():
        assert (under_test(request.config, request.path).folder / "migrations").is_dir(), (
            "migrations/ should make the tables"
        )
        return board(workers=4, SQLALCHEMY_DATABASE_URI=postgres.url)

    return serve


def person(served, name, address):
    """Somebody of the demo class, signed in at this worker."""
    visitor = served.visitor(base_url=address)
    assert visitor.post("/api/login", json={"name": name, "password": "live-flask"}).status_code == 200
    return visitor


@contextlib.contextmanager
def connection(postgres):
    """A connection of our own to the same database."""
    with contextlib.closing(pg8000.dbapi.connect("live", port=postgres.port, database="postgres")) as opened:
        yield opened


@pytest.mark.long
def test_four_workers_that_start_at_once_make_the_tables_once(hall):
    assert "(head)" in hall().flask("db", "current")
    assert "No new upgrade operations" in hall().flask("db", "check"), "the migrations make what the models say"
    for number in range(4):
        assert person(hall(), "grace", hall().at(number)).get("/api/me").json()["teacher"]


@first_way
def test_it_is_the_same_board_at_every_worker(hall, client, transport):
    how = {"client": client, "transport": transport}
    anna, ben = (hall().visitor(base_url=hall().at(number)) for number in (0, 1))
    with (
        hall().socket(address=hall().at(2), **how) as socket,
        hall().stream(address=hall().at(3)) as stream,
    ):
        id = socket.call("ask", {"text": "Où?", "key": f"{client.__name__} {transport}"})["question"]["id"]
        here = f"/api/questions/{id}"
        assert ben.put(f"{here}/vote").json()["voted"]
        assert ben.put(f"{here}/vote").json()["votes"] == 1
        assert anna.patch(here, json={"answered": True}).status_code == 403
        assert socket.call("change", {"id": id, "answered": True})["question"]["answered"]
        assert ben.delete(f"{here}/vote").json()["votes"] == 0

        types = ["question_asked"] + ["question_changed"] * 3
        told, streamed = socket.take(4, *types, within=5), stream.take(4, within=5)
        assert [event.type for event in told] == [event.type for event in streamed] == types
        assert [event.data for event in told] == [event.data for event in streamed]
        start = told[0].data["seq"]
        assert [event.data["seq"] for event in told] == list(range(start, start + 4))
        assert [(e.data["question"]["votes"], e.data["question"]["answered"]) for e in told] == [
            (0, False),
            (1, False),
            (1, True),
            (0, True),
        ]
        with hall().stream(address=hall().at(0), last_event_id=start) as again:
            assert [event.data for event in again.take(3)] == [event.data for event in streamed[1:]]
        assert anna.get(here).json() == streamed[-1].data["question"] | {"mine": False, "voted": False}


@pytest.mark.long
def test_numbers_have_no_holes_however_many_write_at_once(hall):
    start = hall().newest()
    with (
        hall().stream(address=hall().at(0)) as here,
        hall().stream(address=hall().at(1)) as there,
        hall().socket(address=hall().at(2)) as socket,
    ):

        def write(writer):
            visitor = hall().visitor(base_url=hall().at(writer % 4), timeout=20)
            for number in range(10):
                asked = visitor.post("/api/questions", json={"text": f"{writer}, {number}"})
                assert asked.status_code == 201
                assert visitor.put(f"{asked.headers['Location']}/vote").status_code == 200

        with ThreadPoolExecutor(8) as writers:
            list(writers.map(write, range(8)))

        numbers = list(range(start + 1, start + 161))
        assert [int(event.id) for event in here.take(160, within=10)] == numbers
        assert [int(event.id) for event in there.take(160, within=10)] == numbers
        heard = socket.take(160, "question_asked", "question_changed", within=10)
        assert [event.data["seq"] for event in heard] == numbers


def at_once(hall, ask):
    """What `ask(visitor, number)` gives for eight visitors, two at each worker, at the same time."""
    together = threading.Barrier(8)

    def go(number):
        visitor = hall.visitor(base_url=hall.at(number % 4), timeout=20)
        together.wait()
        return ask(visitor, number)

    with ThreadPoolExecutor(8) as visitors:
        return list(visitors.map(go, range(8)))


@pytest.mark.long
def test_what_is_asked_with_one_key_at_every_worker_is_asked_once(hall):
    for key in ("one", "two", "three"):
        sent = {"text": "Is it here?", "key": key}
        asked = at_once(hall(), lambda visitor, _, sent=sent: visitor.post("/api/questions", json=sent))

        assert {answer.status_code for answer in asked} == {201}
        assert len({answer.json()["id"] for answer in asked}) == 1


@pytest.mark.long
def test_who_votes_while_it_is_withdrawn_is_told_so(hall):
    for _ in range(5):
        asker = hall().visitor()
        here = asker.post("/api/questions", json={"text": "Shall I stay?"}).headers["Location"]

        def vote(visitor, number, asker=asker, here=here):
            return asker.delete(here) if number == 7 else visitor.put(f"{here}/vote")

        assert {answer.status_code for answer in at_once(hall(), vote)} <= {200, 204, 404}
        assert asker.get(here).status_code == 404


@pytest.mark.long
def test_a_room_that_is_closed_while_people_leave_it_and_ask_there(hall):
    grace, name = hall().person("grace"), "closing"
    for number in range(4):
        room = f"{name}-{number}"
        assert grace.post("/api/rooms", json={"name": room, "code": "pear"}).status_code == 201
        learners = {who: hall().person(who) for who in ("ada", "ben")}
        for learner in learners.values():
            assert learner.post(f"/api/rooms/{room}/members", json={"code": "pear"}).status_code == 201

        def go(_, number, room=room, learners=learners):
            if number == 0:
                return grace.delete(f"/api/rooms/{room}")
            if number == 1:
                return learners["ada"].delete(f"/api/rooms/{room}/members/ada")
            return learners["ben"].post(f"/api/questions?room={room}", json={"text": "Are we open?"})

        assert {answer.status_code for answer in at_once(hall(), go)} <= {201, 204, 401, 404}
        assert grace.get(f"/api/questions?room={room}").status_code == 404


@pytest.mark.long
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/stream?channel=job:%00"),
        ("GET", "/stream?channel=%00"),
        ("GET", "/api/exports/%00"),
        ("GET", "/api/questions?room=%00"),
        ("POST", "/api/rooms/%00/members"),
        ("DELETE", "/api/rooms/physics/members/%00"),
        ("GET", "/api/questions/99999999999999999999"),
        ("PUT", "/api/questions/99999999999999999999/vote"),
    ],
)
def test_what_postgresql_cannot_look_for_is_refused_in_a_sentence(hall, method, path):
    sent = {"json": {"code": "apple"}} if method == "POST" else {}

    answer = person(hall(), "ada", hall().at(0)).request(method, path, **sent)  # nginx would refuse some

    assert answer.status_code in {400, 403, 404}, answer.text
    assert answer.json()["error"].endswith(".")


@pytest.mark.long
@pytest.mark.parametrize("sent", [r'{"text": "a\u0000b"}', r'{"text": "a", "author": "\u0000"}', r'{"text": "\ud800"}'])
def test_what_postgresql_cannot_hold_is_refused_in_a_sentence(hall, sent):
    answer = hall().program().post("/api/questions", content=sent, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


@pytest.mark.long
def test_a_cookie_with_a_zero_byte_is_that_of_a_stranger(hall):
    (name,) = person(hall(), "ada", hall().at(0)).cookies  # nginx has one of its own
    stranger = hall().program()

    assert stranger.get("/api/me", headers={"Cookie": rf'{name}="\000"'}).json()["name"] is None
    assert stranger.get("/api/me", headers={"Cookie": f"{name}={'a' * 3000}"}).json()["name"] is None


@pytest.mark.long
def test_an_export_is_in_the_order_of_asking(hall):
    visitor = hall().visitor()
    asked = [visitor.post("/api/questions", json={"text": f"number {n}"}).headers["Location"] for n in range(30)]
    for location in asked[::3]:
        visitor.patch(location, json={"answered": True})
    job = visitor.post("/api/exports").headers["Location"]

    assert wait_for(10, lambda: visitor.get(job).json()["done"])
    ids = [int(line.split(",")[0]) for line in visitor.get(f"{job}/questions.csv").text.splitlines()[1:]]
    assert ids == sorted(ids)
    assert len(ids) >= 30


@pytest.mark.long
@pytest.mark.parametrize("engine", ["eventlet", "gevent", "threading"])
def test_who_waits_for_the_database_keeps_nobody_else_waiting(hall, postgres, engine):
    with (
        workers(hall(), 1, ASYNC_MODE=engine) as (address,),
        hall().socket(address=address) as socket,
        ThreadPoolExecutor() as aside,
        connection(postgres) as other,
    ):
        newest = hall().newest()
        other.cursor().execute("SELECT * FROM channel WHERE name = 'board' FOR UPDATE")
        waiting = aside.submit(httpx.post, f"{address}/api/questions", json={"text": "When?"}, timeout=30)
        assert wait_for(5, lambda: locks_awaited(postgres) == 1)

        for _ in range(20):
            assert httpx.get(f"{address}/api/questions", timeout=2).status_code == 200
            assert socket.call("catch_up", {"after": newest}, within=2)["ok"]
        assert not waiting.done(), "it waits all the time"
        other.rollback()

        assert waiting.result(5).status_code == 201
        assert socket.next("question_asked", within=5).data["question"]["text"] == "When?"


def locks_awaited(postgres):
    with connection(postgres) as other:
        cursor = other.cursor()
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


@pytest.mark.long
@pytest.mark.parametrize("how", ["its connections are ended", "it is restarted", "it is away for a while"])
def test_when_postgresql_goes_nothing_is_lost_and_all_go_on(hall, postgres, how):
    visitors = [hall().visitor(base_url=hall().at(number)) for number in range(4)]
    before = visitors[0].post("/api/questions", json={"text": f"before {how}"}).json()
    with contextlib.ExitStack() as open_ones:
        sockets = [open_ones.enter_context(hall().socket(address=hall().at(number))) for number in range(4)]
        stream = open_ones.enter_context(hall().stream())
        if how == "its connections are ended":
            with connection(postgres) as other:
                other.cursor().execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                )
        else:
            with postgres.stopped():
                if how == "it is away for a while":
                    assert [visitor.get("/api/questions").status_code for visitor in visitors] == [500] * 4
                    assert sockets[0].call("ask", {"text": f"after {how}", "key": how})["error"].endswith(".")

        for number, visitor in enumerate(visitors):
            assert before["id"] in {question["id"] for question in visitor.get("/api/questions").json()}
            acked = sockets[number].call("ask", {"text": f"after {how}", "key": f"{how} {number}"})
            assert acked["ok"], acked
        numbers = [event.data["seq"] for event in stream.take(4, within=5)]
        assert numbers == list(range(numbers[0], numbers[0] + 4))

        def heard(socket):  # who has just come may hear of the question before, too
            told = [event.data["seq"] for event in socket.heard if event.type == "question_asked"]
            return [number for number in told if number >= numbers[0]]

        for socket in sockets:
            assert wait_for(5, lambda socket=socket: heard(socket) == numbers)


@pytest.mark.long
@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_whatever_is_the_role_s_default_who_waits_for_a_number_gets_one(hall, postgres, level):
    hall()
    with usual_isolation(postgres, level), workers(hall()) as addresses:
        with hall().stream(address=addresses[0]) as stream, ThreadPoolExecutor(8) as writers:

            def ask(number):
                return httpx.post(f"{addresses[number % 2]}/api/questions", json={"text": "And I?"}, timeout=20)

            assert {answer.status_code for answer in writers.map(ask, range(24))} == {201}
            numbers = [event.data["seq"] for event in stream.take(24, within=5)]
        assert numbers == list(range(numbers[0], numbers[0] + 24))


@contextlib.contextmanager
def usual_isolation(postgres, level):
    """For the time of the block, this is how transactions begin, unless they say otherwise."""
    with connection(postgres) as other:
        other.autocommit = True
        other.cursor().execute(f"ALTER ROLE live SET default_transaction_isolation = '{level}'")
        try:
            yield
        finally:
            other.cursor().execute("ALTER ROLE live RESET default_transaction_isolation")


@pytest.mark.long
def test_when_connections_to_postgresql_go_silent_others_are_opened(hall, postgres):
    hall()
    with Cable(postgres.port) as cable:
        there = postgres.url.replace(str(postgres.port), str(cable.own))
        with (
            workers(hall(), 1, SQLALCHEMY_DATABASE_URI=there) as (address,),
            hall().socket(address=address) as socket,
        ):
            assert httpx.get(f"{address}/api/questions").status_code == 200
            cable.hush()

            asked = hall().visitor(base_url=hall().at(0)).post("/api/questions", json={"text": "Do you hear?"}).json()

            assert socket.next("question_asked", within=20).data["question"]["id"] == asked["id"]
            assert wait_for(15, lambda: httpx.get(f"{address}/api/questions", timeout=15).status_code == 200)


@pytest.mark.long
def test_a_worker_opens_no_more_than_ten_connections(hall, postgres):
    with workers(hall(), 1) as (address,), ThreadPoolExecutor(30) as writers, connection(postgres) as other:
        other.cursor().execute("SELECT * FROM channel WHERE name = 'board' FOR UPDATE")

        def ask(number):
            return httpx.post(f"{address}/api/questions", json={"text": f"May I, {number}?"}, timeout=20)

        waiting = [writers.submit(ask, number) for number in range(30)]
        assert wait_for(5, lambda: locks_awaited(postgres) >= 9)
        assert not wait_for(1, lambda: locks_awaited(postgres) > 10)
        other.rollback()

        assert {answer.result(20).status_code for answer in waiting} == {201}


@pytest.mark.long
def test_a_database_that_is_away_is_a_line_a_second_in_the_log(hall, postgres):
    visitor = hall().visitor(base_url=hall().at(0))
    with hall().socket(address=hall().at(0)) as socket, postgres.stopped():
        log = hall().guards[0].lines
        start = len(log)
        for number in range(50):
            answer = visitor.get("/api/questions")
            assert (answer.status_code, answer.json()["error"][-1]) == (500, ".")
            assert socket.call("ask", {"text": "And now?", "key": f"away {number}"})["error"].endswith(".")
        said = [line for line in log[start:] if '"GET /api/questions' not in line]

    assert any("The database does not answer" in line for line in said)
    assert len(said) < 100, "\n".join(said)


@pytest.mark.long
def test_flask_db_goes_to_the_version_that_it_is_told(hall):
    there = f"sqlite:///{hall().database.with_name('versions.db').as_posix()}"
    old = {**hall().served.env, "FLASK_SQLALCHEMY_DATABASE_URI": there}

    def flask(*words):
        command = [sys.executable, "-m", "flask", "--app", hall().lesson.package, "db", *words]
        return subprocess.run(command, cwd=hall().lesson.home, env=os.environ | old, capture_output=True, text=True)

    assert flask("upgrade", "0001").returncode == 0
    assert flask("current").stdout.split() == ["0001"]
    assert flask("upgrade").returncode == 0
    assert "(head)" in flask("current").stdout
    assert flask("downgrade", "0001").returncode == 0
    assert flask("current").stdout.split() == ["0001"]


# A database of the lesson before


@pytest.mark.long
def test_a_database_of_lesson_4_is_brought_up_to_date_with_all_that_is_in_it(board, request, tmp_path):
    mine = {"text": "Will I be here in lesson 5?", "key": "mine"}
    with LessonUnderTest(Lesson(ROOT / "lessons" / "04_rooms"), tmp_path) as then:
        ada = then.person("ada")
        asked = ada.post("/api/questions", json=mine).json()
        ada.put(f"/api/questions/{asked['id']}/vote")
        ada.post("/api/questions?room=physics", json={"text": "And I?"})
        then.flask("users", "add", "tom", "--password", "sunny-day")
        newest = then.newest()

    now = board(workers=4, SQLALCHEMY_DATABASE_URI=then.env["FLASK_SQLALCHEMY_DATABASE_URI"])
    assert "(head)" in now.flask("db", "current")
    assert "No new upgrade operations" in now.flask("db", "check"), "the migrations make what the models say"
    with now.stream(last_event_id=0) as stream:
        assert stream.next().data["question"]["text"] == mine["text"], "its log goes on"
    assert now.person("tom", "sunny-day").get("/api/me").json()["name"] == "tom"
    for number in range(4):
        ada = person(now, "ada", now.at(number))
        assert ada.get(f"/api/questions/{asked['id']}").json() == asked | {"votes": 1, "voted": True}
        assert ada.get("/api/questions?room=physics").json()[0]["text"] == "And I?"
        assert ada.post("/api/questions", json=mine).json()["id"] == asked["id"], "asked again, by the same key"
    assert now.newest() == newest
    with now.api_stopped():
        pass
    assert ada.post("/api/questions", json={"text": "And now?"}).status_code == 201
    assert now.newest() == newest + 1
