"""Step 17: who does too much over HTTP waits, and is told how long."""

import contextlib
import socket


def ask(visitor, text, room="physics", **more):
    return visitor.post(f"/api/questions?room={room}", json={"text": text, **more})


def test_who_asks_too_often_is_told_when_to_try_again(lesson, strict):
    ada = strict.visitor(cookies=lesson.person("ada").cookies)

    answers = [ask(ada, f"number {number}") for number in range(4)]

    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert f"Try again in {answers[-1].headers['Retry-After']} second" in answers[-1].json()["error"]
    grace = strict.visitor(cookies=lesson.person("grace").cookies)
    assert ask(grace, "Mine?").status_code == 201, "nobody else has to wait"


def test_guests_are_counted_by_their_address(strict):
    answers = [strict.visitor().post("/api/questions", json={"text": "Me too?"}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [201] * 5 + [429], "each is a new browser"


def test_limits_hold_without_redis(lesson):
    lesson.person("ada")
    with lesson.another_api(ASK_LIMIT="3 per minute") as strict:
        ada = strict.person("ada")
        assert ask(ada, "x").status_code == 201
        with lesson.redis_stopped():
            assert [ask(ada, "x").status_code for _ in range(3)] == [201, 201, 429], "with the one before"


def test_a_crowd_that_comes_at_once_takes_few_connections_to_redis(lesson):
    with contextlib.ExitStack() as crowd:
        guests = [
            crowd.enter_context(socket.create_connection(("127.0.0.1", lesson.ports[0]), timeout=10)) for _ in range(90)
        ]
        for guest in guests:
            guest.sendall(b"PUT /api/browser HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        assert all(guest.recv(100).startswith(b"HTTP/1.1 204") for guest in guests)

    def to_redis():
        found = [one for process in lesson.processes for one in process.net_connections("tcp")]
        return len([one for one in found if one.raddr and one.raddr.port == lesson.redis_port])

    assert to_redis() < 40 * len(lesson.processes), "each is a file that somebody else could have"
