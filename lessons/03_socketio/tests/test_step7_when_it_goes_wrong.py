"""Step 7: what cannot be done is answered in one sentence, and nobody else notices."""

import contextlib
import secrets
import threading

import httpx
import pytest

from course.processes import wait_for
from course.testkit.raw import frame, is_fine, said, websocket
from course.testkit.sockets import first_way


@pytest.mark.parametrize(
    ("verb", "sent", "why"),
    [
        ("ask", [], "Send one object"),
        ("ask", ["a text"], "Send one object"),
        ("ask", [{"text": "x", "key": "k"}, "more"], "Send one object"),
        ("ask", [{"text": "", "key": "k"}], "1 to 280"),
        ("ask", [{"text": "x" * 281, "key": "k"}], "this one has 281"),
        ("ask", [{"text": 42, "key": "k"}], "must be a text"),
        ("ask", [{"text": "a\0b", "key": "k"}], "zero byte"),
        *[(verb, ["no object"], "Send one object") for verb in ("vote", "unvote", "change", "withdraw")],
        ("vote", [{}], "id must be its number"),
        ("vote", [{"id": "1"}], "id must be its number"),
        ("vote", [{"id": True}], "id must be its number"),
        ("vote", [{"id": 1.0}], "id must be its number"),
        ("vote", [{"id": 0}], "no such question"),
        ("vote", [{"id": -1}], "no such question"),
        ("vote", [{"id": -(10**30)}], "no such question"),
        ("unvote", [{"id": 2**63}], "no such question"),
        ("withdraw", [{"id": 10**30}], "no such question"),
        ("change", [{"id": 999_999, "text": "x"}], "no such question"),
        ("change", [{"id": None, "text": "x"}], "id must be its number"),
    ],
    ids=str,
)
def test_bad_input_is_answered_and_the_connection_stays(lesson, verb, sent, why):
    with lesson.socket() as anna:
        acked = anna.call(verb, *sent)

        assert why in acked["error"]
        assert acked["error"].endswith((".", "}."))
        assert anna.call("ask", {"text": "Are you there?", "key": secrets.token_hex(8)})["ok"], (
            "the same connection should go on"
        )


@first_way
def test_a_verb_for_a_question_that_is_gone_is_answered(lesson, client, transport):
    with lesson.socket(client=client, transport=transport) as anna:
        id = anna.call("ask", {"text": "Are you there?", "key": secrets.token_hex(8)})["question"]["id"]
        anna.call("withdraw", {"id": id})

        assert "no such question" in anna.call("vote", {"id": id}, within=2)["error"]


@first_way
def test_what_is_not_hers_she_may_not_change(lesson, client, transport):
    where = lesson.visitor().post("/api/questions", json={"text": "Whose is it?"}).json()["id"]
    with lesson.socket(client=client, transport=transport) as mallory:
        for verb, more in (("change", {"text": "mine"}), ("withdraw", {})):
            assert "Only the browser that asked" in mallory.call(verb, {"id": where, **more})["error"]


def test_a_failure_inside_is_answered_and_logged(lesson):
    with lesson.socket() as anna, lesson.table_missing("question"):
        acked = anna.call("vote", {"id": 1})

        assert acked == {"error": "Something went wrong here; the server's log has the details."}
        assert lesson.served.api.printed("The event vote failed"), "request.event says which"
    assert is_fine(lesson)


def test_an_event_that_nobody_handles_disturbs_nobody(lesson):
    with lesson.socket() as anna:
        anna.send("no such verb", {"id": 1})

        assert anna.call("ask", {"text": "Are you there?", "key": secrets.token_hex(8)})["ok"]


def test_too_few_and_too_many_arguments_are_one_line_in_the_log(lesson):
    with lesson.socket("/") as anna:
        before = list(lesson.served.api.lines)
        for arguments in ([], ["Anna", "Ben"]):
            assert "went wrong" in anna.call("wave", *arguments, namespace="/")["error"]

        assert wait_for(2, lambda: len(said(lesson, "The event wave failed: TypeError", since=before)) == 2)
        assert not said(lesson, "Traceback", since=before)


def test_a_flood_of_connects_keeps_nobody_out(lesson):
    url = f"{lesson.api}/socket.io/?EIO=4&transport=polling"

    def knock():
        with contextlib.suppress(httpx.HTTPError), httpx.Client() as program:
            for _ in range(50):
                program.get(url)

    flood = [threading.Thread(target=knock, daemon=True) for _ in range(8)]
    for thread in flood:
        thread.start()
    assert is_fine(lesson)
    for thread in flood:
        thread.join(30)
    assert is_fine(lesson)


def test_a_client_that_does_not_read_holds_nobody_up(lesson):
    with websocket(lesson) as asleep, lesson.socket() as awake, lesson.socket() as busy:
        asleep.sendall(frame(b"40/board,"))
        for number in range(100):
            busy.call("ask", {"text": f"{number} " + "x" * 270, "key": secrets.token_hex(8)})

        assert len(awake.take(100, "question_asked", within=5)) == 100


def test_a_setting_shows_every_packet_in_the_log(lesson):
    with lesson.another_api(SOCKET_LOG="true") as talkative, talkative.socket("/") as anna:
        anna.send("message", "Read me in the log", namespace="/")

        assert talkative.served.api.printed('received event "message"'), "by `logger`"
        assert talkative.served.api.printed("Received packet MESSAGE data .*Read me in the log"), "by `engineio_logger`"
    with lesson.socket("/") as ben:
        ben.send("message", "Nobody reads this", namespace="/")
        assert ben.next("message").data == "Nobody reads this"
    assert not lesson.served.api.printed("Nobody reads this", within=0)
