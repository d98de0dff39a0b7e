"""Step 9: who comes back is told what she missed, and who asks twice has asked once."""

import contextlib
import json
import secrets

import pytest
from websocket import create_connection

from course.processes import wait_for
from course.testkit.sockets import each_way


def ask(lesson, *texts):
    for text in texts:
        assert lesson.program().post("/api/questions", json={"text": text}).status_code == 201


def texts(events):
    return [event.data["question"]["text"] for event in events]


@each_way
def test_who_asks_twice_with_one_key_has_asked_once(lesson, client, transport):
    key, before = secrets.token_hex(8), lesson.newest()
    with lesson.socket(client=client, transport=transport) as anna:
        first = anna.call("ask", {"text": "Did you get this?", "key": key})
        again = anna.call("ask", {"text": "Did you get this?", "key": key})
    with lesson.socket(client=client, transport=transport) as anna:  # the answer was lost with the connection
        late = anna.call("ask", {"text": "Did you get this?", "key": key})
    by_http = lesson.visitor().post("/api/questions", json={"text": "Did you get this?", "key": key})

    ids = [receipt["question"]["id"] for receipt in (first, again, late)] + [by_http.json()["id"]]
    assert set(ids) == {first["question"]["id"]}
    with lesson.socket(auth={"after": before}) as ben:
        ben.next("here")
        asked = [event for event in ben.heard if event.type == "question_asked"]
        assert [event.data["question"]["id"] for event in asked].count(ids[0]) == 1, "and everybody heard it once"


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
        receipt = anna.call("catch_up", {"after": before})

        assert [event["data"]["seq"] for event in receipt["events"]] == [before + 1, before + 2, before + 3]
        assert {event["type"] for event in receipt["events"]} == {"question_asked"}
        assert anna.call("catch_up", {"after": before + 3})["events"] == []


@pytest.mark.parametrize("after", [-1, 10**9, 10**30, "1", 1.0, None, True, [1], {}])
def test_a_number_this_log_never_had_is_answered_with_reset(lesson, after):
    with lesson.socket(auth={"after": after}) as anna:
        assert anna.next("reset").data["seq"] == lesson.newest()
        receipt = anna.call("catch_up", {"after": after})
        assert receipt["reset"] is True
        assert receipt["seq"] == lesson.newest()

        ask(lesson, "go on")
        assert texts([anna.next("question_asked")]) == ["go on"]


def test_the_pulse_says_how_far_the_board_is(lesson):
    ask(lesson, "one")
    with lesson.socket() as anna:
        ask(lesson, "two")
        assert wait_for(5, lambda: anna.next("pulse", within=3).data["seq"] == lesson.newest())


def test_a_newcomer_is_told_at_once_how_far_the_board_is(lesson):
    with lesson.another_api(PULSE_SECONDS=60) as api, api.socket() as anna:
        assert anna.next("pulse").data["seq"] == api.newest()


def test_a_key_belongs_to_one_question(lesson):
    key = secrets.token_hex(8)
    with lesson.socket() as anna:
        question = anna.call("ask", {"text": "One", "key": key})["question"]
        assert "belongs to another question" in anna.call("ask", {"text": "Two", "key": key})["error"]
        anna.call("withdraw", {"id": question["id"]})
        assert "no such question" in anna.call("ask", {"text": "One", "key": key})["error"], "it is not asked anew"


def test_without_redis_the_news_come_a_moment_later(lesson):
    with lesson.socket() as anna, lesson.redis_stopped():
        receipt = anna.call("ask", {"text": "Who needs a bell?", "key": secrets.token_hex(8)})

        def told():
            return "Who needs a bell?" in texts(event for event in anna.heard if event.type == "question_asked")

        assert receipt["ok"], "the task should find it in the log"
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


def test_a_page_survives_the_server_and_asks_once(lesson, alice, bob):
    assert alice.sees("WebSocket", within=5)
    with lesson.api_stopped():
        alice.ask("Asked while nobody was there")
        assert alice.sees("did not answer")
    alice.page.get_by_role("button", name="Ask", exact=True).click()

    assert bob.sees("Asked while nobody was there", within=10)
    assert bob.question("Asked while nobody was there").count() == 1
    assert alice.sees("WebSocket", within=10)
