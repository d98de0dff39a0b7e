"""Step 2: every event is answered by an acknowledgement, in the order in which they were sent."""

import secrets

import pytest

from course.processes import wait_for
from course.testkit.sockets import each_way


def ask(socket, text):
    return socket.call("ask", {"text": text, "key": secrets.token_hex(8)})


@each_way
def test_the_acknowledgement_of_ask_has_the_question(lesson, client, transport):
    with lesson.socket(client=client, transport=transport) as anna:
        acked = ask(anna, "  What is an acknowledgement?  ")

    assert acked["ok"] is True
    assert acked["question"]["text"] == "What is an acknowledgement?"
    assert acked["question"]["mine"] is True
    assert acked["question"]["votes"] == 0


@each_way
def test_each_verb_of_the_board_is_an_event(lesson, client, transport):
    with lesson.socket(client=client, transport=transport) as anna:
        id = ask(anna, "Which verbs?")["question"]["id"]

        assert anna.call("vote", {"id": id})["question"]["votes"] == 1
        assert anna.call("vote", {"id": id})["question"]["votes"] == 1, "one vote a browser"
        assert anna.call("unvote", {"id": id})["question"]["voted"] is False
        assert anna.call("change", {"id": id, "text": "All of them?"})["question"]["text"] == "All of them?"
        assert anna.call("change", {"id": id, "answered": True})["question"]["answered"] is True
        assert anna.call("withdraw", {"id": id}) == {"ok": True}


@each_way
def test_an_event_has_several_arguments_and_so_has_its_acknowledgement(lesson, client, transport):
    with lesson.socket("/", client=client, transport=transport) as anna:
        assert anna.call("echo", "one", {"two": 2}, [3], namespace="/") == ("one", {"two": 2}, [3])
        assert anna.next("echo").arguments == ("one", {"two": 2}, [3])


def test_bytes_arrive_as_bytes(lesson):
    for transport in ("websocket", "polling"):
        with lesson.socket("/", transport=transport) as anna:
            assert anna.call("echo", "a picture", b"\0\xff\n", namespace="/") == ("a picture", b"\0\xff\n")


@each_way
def test_the_server_gets_an_acknowledgement_from_the_client_too(lesson, client, transport):
    with lesson.socket("/", client=client, transport=transport, answers={"echo": "seen"}) as anna:
        anna.call("echo", "Do you see this?", namespace="/")

        assert anna.next("received").data == "seen", "the server should hear what the client answered"


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_acknowledgements_come_in_the_order_in_which_the_events_were_sent(lesson, transport):
    acks = []
    with lesson.socket("/", transport=transport) as anna:
        for number in range(100):
            anna.send("echo", number, namespace="/", acked=acks.append)

        assert wait_for(5, lambda: len(acks) == 100), f"all acknowledgements should come, and not {len(acks)}"
    assert acks == list(range(100))


def test_the_page_shows_the_acknowledgement(alice):
    assert alice.sees("WebSocket", within=5)
    alice.ask("Did it arrive?")

    assert alice.sees("Asked. Acknowledged after"), "alice should see that the server has it, and how long that took"
