"""Step 6: a client that connects is counted or refused, and one that disconnects is counted no more."""

import pytest
from socketio.exceptions import ConnectionError

from course.processes import wait_for
from course.testkit.sockets import NodeSocket, PythonSocket, first_way

KNOCK = """address => new Promise(told => {
    const socket = new WebSocket(address);
    socket.onmessage = () => told("let in");
    socket.onerror = () => told("refused");
})"""


def here(socket, count, within=5):
    """Whether the socket is told so, before so many seconds are over."""
    return wait_for(within, lambda: [e.data["count"] for e in socket.heard if e.type == "online"][-1:] == [count])


@pytest.mark.parametrize("client", [PythonSocket, NodeSocket])
def test_a_connection_is_refused_with_a_reason(lesson, client):
    with pytest.raises(ConnectionError, match="Send an object as auth"):
        lesson.socket(client=client, auth=["after", 1])


@first_way
def test_everybody_is_told_how_many_are_here(lesson, client, transport):
    with lesson.socket() as anna:
        assert here(anna, 1)
        with lesson.socket(client=client, transport=transport) as ben:
            assert here(anna, 2)
            assert here(ben, 2)

        assert here(anna, 1), "ben has left"


def test_a_crowd_is_counted_and_nobody_stays_behind(lesson):
    with lesson.socket() as anna:
        crowd = [lesson.socket(transport=transport) for transport in ("websocket", "polling") * 10]
        assert here(anna, 21, within=15)
        for socket in crowd:
            socket.leave()

        assert here(anna, 1, within=15)


def test_the_log_says_who_has_left_and_why(lesson):
    anna, ben = (lesson.socket(client=NodeSocket) for _ in range(2))
    anna.leave()
    ben.vanish()

    for socket, reason in ((anna, "client disconnect"), (ben, "transport close")):
        assert lesson.served.api.printed(f"{socket.connected['/board']} has left: {reason}"), f"it was a {reason}"


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_socket_from_another_origin_is_refused(lesson, transport):
    with lesson.socket(transport=transport), pytest.raises(ConnectionError):
        lesson.socket(transport=transport, origin="http://elsewhere.example")


def test_the_refusal_says_why(lesson):
    answers = [lesson.visitor(origin).get("/socket.io/?EIO=4&transport=polling") for origin in (None, "null")]

    assert answers[0].status_code == 200
    assert answers[0].headers["Access-Control-Allow-Origin"] == lesson.page
    assert answers[1].status_code == 400
    assert "Not an accepted origin" in answers[1].text


def test_a_page_elsewhere_gets_no_socket_though_websockets_know_no_cors(lesson, alice, mallory):
    address = f"{lesson.api.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"

    assert alice.does(KNOCK, address) == "let in"
    assert mallory.does(KNOCK, address) == "refused", "the server should look at the origin"


def test_the_page_shows_how_many_are_here(lesson, alice, bob):
    with lesson.api_stopped():
        pass  # whoever may be here from the tests before does not come back; the pages do
    assert alice.sees("2 here", within=10)
    assert bob.sees("2 here", within=10)

    bob.page.close()
    assert alice.sees("1 here", within=5)
