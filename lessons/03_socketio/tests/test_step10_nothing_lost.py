"""Step 10: a client that reconnects gets what it missed, and what any process does reaches everybody."""

import contextlib
import json
import secrets
import subprocess
import sys
import time

import pytest
from websocket import create_connection

from course.processes import wait_for
from course.testkit.raw import is_fine
from course.testkit.sockets import each_way, first_way

BY_ANOTHER_PROCESS = """
import importlib, sys
lesson = importlib.import_module(sys.argv[1])
with lesson.create_app().app_context():
    lesson.board.ask("a script", sys.argv[2])
"""


def ask_by_another_process(lesson, text):
    command = [sys.executable, "-c", BY_ANOTHER_PROCESS, lesson.lesson.package, text]
    subprocess.run(command, cwd=lesson.lesson.home, env={**lesson.environ, "FLASK_ASYNC_MODE": "threading"}, check=True)


def ask(lesson, *texts):
    for text in texts:
        assert lesson.program().post("/api/questions", json={"text": text}).status_code == 201


def texts(events):
    return [event.data["question"]["text"] for event in events]


@each_way
def test_a_change_by_either_way_in_is_one_numbered_event(lesson, client, transport):
    http = lesson.visitor()
    with lesson.socket() as anna, lesson.socket(client=client, transport=transport) as ben, lesson.stream() as stream:
        id = anna.call("ask", {"text": "By socket?", "key": secrets.token_hex(8)})["question"]["id"]
        where = http.post("/api/questions", json={"text": "By HTTP?"}).headers["Location"]
        http.put(f"/api/questions/{id}/vote")
        http.delete(where)
        types = ["question_asked", "question_asked", "question_changed", "question_withdrawn"]

        heard = ben.take(4, *types)
        assert [event.type for event in heard] == types, "ben should hear of each change, in order"
        assert [event.data["seq"] for event in heard] == list(range(heard[0].data["seq"], heard[0].data["seq"] + 4))
        assert [event.data for event in anna.take(4, *types)] == [event.data for event in heard], "and so should anna"
        assert [event.data for event in stream.take(4)] == [event.data for event in heard], "and the event stream"

    assert "mine" not in heard[0].data["question"], "what all hear says nothing of whose it is"


@each_way
def test_who_comes_back_gets_what_she_missed_once_and_in_order(lesson, client, transport):
    with lesson.socket(client=client, transport=transport) as anna:
        ask(lesson, "first")
        after = anna.next("question_asked").data["seq"]
    ask(lesson, "second", "third")

    with lesson.socket(client=client, transport=transport, auth={"after": after}) as anna:
        assert texts(anna.take(2, "question_asked")) == ["second", "third"]
        ask(lesson, "fourth")
        assert texts([anna.next("question_asked")]) == ["fourth"], "and then it goes on live"


@each_way
def test_a_gap_is_filled_by_catching_up(lesson, client, transport):
    before = lesson.newest()
    ask(lesson, *"abc")
    with lesson.socket(client=client, transport=transport) as anna:
        acked = anna.call("catch_up", {"after": before})

        assert [event["data"]["seq"] for event in acked["events"]] == [before + 1, before + 2, before + 3]
        assert {event["type"] for event in acked["events"]} == {"question_asked"}
        assert anna.call("catch_up", {"after": before + 3})["events"] == []


@pytest.mark.parametrize("after", [-1, 10**9, 10**30, "1", 1.0, None, True, [1], {}])
def test_a_number_this_log_never_had_is_answered_with_reset(lesson, after):
    with lesson.socket() as ben:
        ask(lesson, "what the task has sent")
        assert ben.next("question_asked").data["seq"] == lesson.newest()
    with lesson.socket(auth={"after": after}) as anna:
        assert anna.next("reset").data["seq"] == lesson.newest()
        acked = anna.call("catch_up", {"after": after})
        assert acked["reset"] is True
        assert acked["seq"] == lesson.newest()

        ask(lesson, "go on")
        assert texts([anna.next("question_asked")]) == ["go on"]


def test_the_heartbeat_says_how_far_the_board_is(lesson):
    ask(lesson, "one")
    with lesson.socket() as anna:
        ask(lesson, "two")
        assert wait_for(5, lambda: anna.next("heartbeat", within=3).data["seq"] == lesson.newest())


def test_a_newcomer_is_told_at_once_how_far_the_board_is(lesson):
    with lesson.another_api(HEARTBEAT_SECONDS=60) as api, api.socket() as anna:
        assert anna.next("heartbeat").data["seq"] == api.newest()


@each_way
def test_three_namespaces_share_one_connection(lesson, client, transport):
    with lesson.socket("/", "/board", "/jobs", client=client, transport=transport) as anna:
        anna.send("message", "hello", namespace="/")
        assert anna.call("catch_up", {"after": 0})["ok"] is True
        assert anna.call("start_export", namespace="/jobs")["ok"] is True
        assert anna.next("job_done", within=10).namespace == "/jobs"

        assert {event.namespace for event in anna.heard if event.type == "message"} == {"/"}
        assert {event.namespace for event in anna.heard if event.type in {"heartbeat", "online"}} == {"/board"}


def test_the_tasks_run_once_however_many_come(lesson):
    sockets = [lesson.socket() for _ in range(5)]
    anna = sockets[0]
    anna.take(2, "heartbeat", within=5)
    lesson.visitor().post("/api/questions", json={"text": "How often do you hear this?"})
    anna.next("question_asked")

    assert anna.silent("question_asked"), "each change should be told once"
    start = time.monotonic()
    anna.take(3, "heartbeat", within=10)
    assert time.monotonic() - start > 1, "there should be one heartbeat every HEARTBEAT_SECONDS, not one a client"
    for socket in sockets:
        socket.leave()


@first_way
def test_a_change_by_another_process_is_heard_too(lesson, client, transport):
    with lesson.socket(client=client, transport=transport) as anna:
        ask_by_another_process(lesson, f"From a script, by {transport}")

        assert anna.next("question_asked", within=5).data["question"]["text"] == f"From a script, by {transport}"


def test_a_page_shows_what_another_process_did(lesson, alice):
    assert alice.sees("WebSocket", within=5)
    ask_by_another_process(lesson, "Not by HTTP, not by a socket")

    assert alice.sees("Not by HTTP, not by a socket", within=5)


def test_a_failure_while_somebody_comes_refuses_her_with_a_reason(lesson):
    assert is_fine(lesson)
    with lesson.table_missing("channel"), pytest.raises(Exception, match="Something went wrong here"):
        lesson.socket(auth={"after": 0})
    assert is_fine(lesson)


def test_without_redis_the_news_come_a_moment_later(lesson):
    with lesson.socket() as anna, lesson.redis_stopped():
        acked = anna.call("ask", {"text": "Who needs Redis?", "key": secrets.token_hex(8)})

        def told():
            return "Who needs Redis?" in texts(event for event in anna.heard if event.type == "question_asked")

        assert acked["ok"], "the task should find it in the log"
        assert wait_for(4, told), "the task should find it in the log"


def test_a_long_replay_does_not_stand_in_the_way_of_the_upgrade(lesson):
    ask(lesson, *(f"missed {number}" for number in range(30)))
    address = lesson.at(0)  # she keeps no cookie, by which a proxy would know her again
    carol = lesson.visitor(params={"EIO": "4", "transport": "polling"}, timeout=5, base_url=address)
    sid = json.loads(carol.get("/socket.io/").text[1:])["sid"]
    carol.post("/socket.io/", params={"sid": sid}, content='40/board,{"after":0}')
    where = f"{address.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&sid={sid}"
    with contextlib.closing(create_connection(where, timeout=5, suppress_origin=True)) as wire:
        wire.send("2probe")
        assert wire.recv() == "3probe"

        answer = carol.post("/socket.io/", params={"sid": sid}, content="40/jobs,")
        carol.post("/socket.io/", params={"sid": sid}, content="1")  # Engine.IO's goodbye

    assert answer.text == "OK", "carol reads no more until she has her answer; so the server must not wait for her"


def test_a_page_that_was_away_shows_what_a_reload_would(lesson, alice, bob):
    alice.ask("before")
    assert bob.sees("before")

    with bob.offline():
        ask(lesson, *(f"meanwhile {number}" for number in range(30)))
        assert alice.sees("meanwhile 29")

    assert bob.sees("meanwhile 29", within=10)
    assert bob.page.locator("#questions li").count() == alice.page.locator("#questions li").count()
