"""Step 10: RabbitMQ carries the whispers, Sentinels say which Redis is the right one: each is one setting."""

import contextlib
import os
import secrets
import socket
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
import redis

from course import services
from course.processes import answers, bound, free_port, wait_for
from course.served import Cable
from course.testkit.sockets import first_way
from course.testkit.workers import workers

PHYSICS = {"room": "physics"}
AMQP = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//")
PROTOCOL = b"AMQP\0\0\x09\x01"  # with which a client of RabbitMQ begins: AMQP 0-9-1, section 4.2.2


def test_with_amqp_a_worker_looks_for_rabbitmq(lesson):
    with socket.create_server(("127.0.0.1", free_port())) as nobody:
        nobody.settimeout(bound(3))
        queue = f"amqp://127.0.0.1:{nobody.getsockname()[1]}//"
        with workers(lesson, 1, MESSAGE_QUEUE=queue) as (address,), lesson.socket(address=address):
            assert connects(nobody), "a worker should connect to the queue that FLASK_MESSAGE_QUEUE names"


def connects(server):
    """Whether somebody connects to this server, and speaks RabbitMQ's protocol."""
    with contextlib.suppress(TimeoutError):
        knock, _ = server.accept()
        with knock:
            return knock.recv(8) == PROTOCOL
    return False


def test_the_board_needs_neither_the_sentinels_nor_their_redis(lesson):
    away = f"redis+sentinel://127.0.0.1:{free_port()}/0/class"
    with workers(lesson, 1, REDIS_URL=away) as (address,), lesson.stream(address=address) as stream:
        asked = httpx.post(f"{address}/api/questions", json={"text": "Without any?"}, timeout=20)

        assert asked.status_code == 201
        assert stream.next(within=5).data["question"]["text"] == "Without any?"


class Watched:
    """A Redis, its replica, and a Sentinel: `url` leads to the right one; the first one can `die`, or `hang`."""

    def __enter__(self):
        if "imitation" in services.redis_server().origin:
            pytest.skip("needs a real Redis, for an imitation is no Sentinel")
        self.first, self.rest, master = contextlib.ExitStack(), contextlib.ExitStack(), free_port()
        with redis.Redis.from_url(self.first.enter_context(services.redis(master))) as first:
            self.server = psutil.Process(first.info("server")["process_id"])
        self.second = redis.Redis.from_url(self.rest.enter_context(services.redis(free_port())))
        self.second.replicaof("127.0.0.1", master)
        port = self.rest.enter_context(services.sentinel("class", master))
        self.url = f"redis+sentinel://127.0.0.1:{port}/0/class"
        with redis.Redis(port=port) as sentinel:
            assert wait_for(20, lambda: sentinel.sentinel_slaves("class")), "the Sentinel should find the replica"
        return self

    def die(self):
        self.first.close()

    def hang(self):
        self.server.suspend()

    def __exit__(self, *_):
        with contextlib.suppress(psutil.NoSuchProcess):
            self.server.resume()
        self.second.close()
        self.rest.close()
        self.first.close()


@pytest.mark.long
@pytest.mark.parametrize("fail", [Watched.die, Watched.hang], ids=["it dies", "it hangs"])
def test_when_redis_fails_its_replica_takes_its_place(lesson, fail):
    ada, grace = lesson.person("ada"), lesson.person("grace")
    with (
        Watched() as watched,
        workers(lesson, REDIS_URL=watched.url) as (one, other),
        lesson.socket(visitor=ada, auth=PHYSICS, address=one) as learner,
        lesson.socket(visitor=grace, auth=PHYSICS, address=other) as teacher,
    ):

        def names():
            return learner.call("enter", PHYSICS)["names"]

        def notifies():
            """Whether Redis notifies: without it, what is asked is found once in a second."""
            for _ in range(4):
                learner.call("ask", {"room": "physics", "text": "Is it quick?", "key": secrets.token_hex()})
                if teacher.silent("question_asked", seconds=0.3):
                    return teacher.next("question_asked", within=5) and False
            return True

        def whispered():
            answer = learner.call("whisper", {"to": "grace", "text": "Psst"}, within=20)
            return answer.get("ok") and not teacher.silent("whisper", seconds=1)

        assert wait_for(5, lambda: names() == ["ada", "grace"])
        assert wait_for(5, notifies)
        assert wait_for(5, whispered)

        fail(watched)
        acked = learner.call("ask", {"room": "physics", "text": "And now?", "key": secrets.token_hex()})
        assert acked["ok"], "the board needs no Redis"
        assert teacher.next("question_asked", within=5), "the board needs no Redis"

        assert wait_for(20, notifies), "Redis should notify again"
        assert wait_for(20, whispered), "the queue should carry whispers again"
        with lesson.socket(visitor=lesson.person("ben"), address=other):
            assert wait_for(5, lambda: learner.heard[-1].type == "online" and learner.heard[-1].data["count"] == 3)
        assert names() == ["ada", "grace"]
        assert watched.second.keys("LIMITS*"), "what is counted is counted there"


@pytest.mark.long
def test_with_amqp_a_worker_looks_for_rabbitmq_and_does_not_wait_for_it(lesson):
    ada, grace = lesson.person("ada"), lesson.person("grace")
    with socket.create_server(("127.0.0.1", free_port())) as nobody:
        nobody.settimeout(10)
        queue = f"amqp://127.0.0.1:{nobody.getsockname()[1]}//"
        with (
            workers(lesson, 1, MESSAGE_QUEUE=queue) as (address,),
            lesson.socket(visitor=ada, auth=PHYSICS, address=address) as learner,
            lesson.socket(visitor=grace, auth=PHYSICS, address=address) as teacher,
        ):
            knock, _ = nobody.accept()
            with knock:
                assert knock.recv(8) == PROTOCOL
            assert learner.call("ask", {"room": "physics", "text": "Alone?", "key": "alone"})["ok"]
            assert teacher.next("question_asked", within=5).data["question"]["text"] == "Alone?"
            assert learner.call("whisper", {"to": "grace", "text": "Psst"}, within=10) == {"ok": True}
            assert teacher.next("whisper").data["text"] == "Psst", "at this worker, it needs no queue"


@first_way
def test_rabbitmq_carries_whispers_from_worker_to_worker(lesson, client, transport):
    place = urlsplit(AMQP)
    if not answers(place.port or 5672):
        pytest.skip("needs RabbitMQ: start it, or name one: AMQP_URL=amqp://…")
    ada, grace = lesson.person("ada"), lesson.person("grace")
    how = {"auth": PHYSICS, "client": client, "transport": transport}
    with (
        workers(lesson, MESSAGE_QUEUE=AMQP, MESSAGE_CHANNEL=f"live-flask-{secrets.token_hex(4)}") as (one, other),
        lesson.socket(visitor=ada, address=one, **how) as learner,
        lesson.socket(visitor=grace, address=other, **how) as teacher,
    ):
        assert wait_for(5, lambda: learner.call("enter", PHYSICS)["names"] == ["ada", "grace"])
        for number in range(3):
            assert learner.call("whisper", {"to": "grace", "text": f"Psst {number}"}) == {"ok": True}
            assert teacher.next("whisper", within=5).data["text"] == f"Psst {number}"
            assert teacher.silent("whisper", seconds=0.2), "once"


@pytest.mark.long
@pytest.mark.parametrize("how", ["cut", "hush"])
def test_when_rabbitmq_is_away_nobody_waits_and_soon_after_it_carries_whispers_again(lesson, how):
    place = urlsplit(AMQP)
    if not answers(place.port or 5672):
        pytest.skip("needs RabbitMQ: start it, or name one: AMQP_URL=amqp://…")
    ada, grace = lesson.person("ada"), lesson.person("grace")
    with (
        Cable(place.port or 5672) as cable,
        workers(
            lesson,
            MESSAGE_QUEUE=AMQP.replace(place.netloc.rpartition("@")[2], f"127.0.0.1:{cable.own}"),
            MESSAGE_CHANNEL=f"live-flask-{secrets.token_hex(4)}",
        ) as (one, other),
        lesson.socket(visitor=ada, auth=PHYSICS, address=one) as learner,
        lesson.socket(visitor=grace, auth=PHYSICS, address=other) as teacher,
    ):

        def whispered():
            assert learner.call("whisper", {"to": "grace", "text": "Psst"}, within=3) == {"ok": True}
            return not teacher.silent("whisper", seconds=1)

        assert wait_for(5, whispered)
        getattr(cable, how)()
        for _ in range(3):
            assert learner.call("whisper", {"to": "grace", "text": "Psst"}, within=3) == {"ok": True}, "who waits?"
        if how == "cut":
            cable.mend()
        assert wait_for(10, whispered), "it should be looked for once a second"
