"""How to test such an app from inside: no server, no browser, no Redis, and a database that nobody else has."""

import engineio.packet
import engineio.socket
import pytest

from course.processes import wait_for

from .. import board, create_app, events, rooms
from ..auth import Person
from ..sockets import MOST_WAITING, cut_off_slow_clients, socketio
from ..stream import END, WAITING, Block, encode, sse


@pytest.fixture
def app(tmp_path):
    database = f"sqlite:///{(tmp_path / 'test.db').as_posix()}"  # a file, for the hub's thread reads it too
    nowhere = "redis://127.0.0.1:1"
    config = {"SECRET_KEY": "test", "SQLALCHEMY_DATABASE_URI": database, "REDIS_URL": nowhere}
    app = create_app({"TESTING": True, "MESSAGE_QUEUE": False, **config})  # with one, there is no test client
    yield app
    with app.app_context():
        board.db.engine.dispose()  # else Python warns of its open files whenever it finds them


@pytest.fixture
def client(app):
    return app.test_client()


def test_a_view(client):
    answer = client.post("/api/questions", json={"text": "How do I test this?"})

    assert answer.status_code == 201
    assert client.get("/api/questions").json[0]["text"] == "How do I test this?"


def test_two_browsers_are_two_clients(app):
    alice, bob = app.test_client(), app.test_client()
    location = alice.post("/api/questions", json={"text": "Whose is it?"}).location

    assert alice.get(location).json["mine"] and not bob.get(location).json["mine"]


def test_a_cross_origin_request_is_a_request_with_an_origin(app, client):
    answer = client.get("/api/questions", headers={"Origin": app.config["PAGE_ORIGIN"]})

    assert answer.access_control_allow_origin == app.config["PAGE_ORIGIN"]


def test_the_board_without_http(app):
    with app.app_context():
        question = board.ask("a browser", "Does the board need a request?")

        assert board.vote("another", question.id).votes == 1
        with pytest.raises(board.NotYours):
            board.withdraw("another", question.id)


def test_an_event_and_its_change_are_saved_together_or_not_at_all(app):
    with app.app_context():
        board.ask("a browser", "Is this logged?")
        assert [event.type for event in events.since("board", 0)] == ["question_asked"]

        with pytest.raises(board.Invalid):
            board.ask("a browser", "")
        assert events.last("board") == 1


def test_what_is_published_gets_the_next_number(app):
    with app.app_context():
        sse.publish({"greeting": "hello"}, type="greeting")
        sse.publish("only text")

        assert [event.data for event in events.since("board", 0)] == [{"seq": 1, "greeting": "hello"}, "only text"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ["data: "]),
        ("two\nlines", ["data: two", "data: lines"]),
        ("x\r\n\r\nevent: forged\rdata: y", ["data: x", "data: ", "data: event: forged", "data: data: y"]),
        ("not\u2028a\x0bbreak\0", ["data: not\u2028a\x0bbreak\0"]),
    ],
)
def test_no_text_can_forge_or_lose_an_event(text, lines):
    assert encode(7, "message", text).decode() == "\n".join(["id: 7", "event: message", *lines, "", ""])


def test_a_socket(app):
    alice, bob = (socketio.test_client(app, "/board") for _ in range(2))

    acked = alice.emit("ask", {"text": "Is there an acknowledgement?", "key": "1"}, namespace="/board", callback=True)

    assert acked["ok"] and acked["question"]["mine"]
    assert bob.emit("withdraw", {"id": acked["question"]["id"]}, namespace="/board", callback=True)["error"]


def test_a_socket_has_the_cookies_of_an_http_client(app, client):
    client.put("/api/browser")
    socket = socketio.test_client(app, "/board", flask_test_client=client)

    acked = socket.emit("ask", {"text": "Whose is it?", "key": "1"}, namespace="/board", callback=True)

    assert client.get(f"/api/questions/{acked['question']['id']}").json["mine"]


def test_what_happens_is_told_to_every_socket(app, client):
    socket = socketio.test_client(app, "/board")
    client.post("/api/questions", json={"text": "Who hears this?"})

    def heard():
        events = [event["args"][0] for event in socket.get_received("/board") if event["name"] == "question_asked"]
        return "Who hears this?" in [event["question"]["text"] for event in events]

    assert wait_for(5, heard), "the task in the background should tell it"


@pytest.fixture
def ada(client):
    client.post("/api/login", json={"name": "ada", "password": "live-flask"})
    return client


def test_who_signs_in_is_known_to_views_and_to_sockets(app, ada):
    socket = socketio.test_client(app, "/board", flask_test_client=ada, auth={"room": "physics"})

    acked = socket.emit("ask", {"room": "physics", "text": "Who?", "key": "1"}, namespace="/board", callback=True)

    assert acked["question"]["author"] == ada.get("/api/me").json["name"] == "ada"


def test_whoever_may_not_be_in_a_room_is_not_connected(app):
    assert not socketio.test_client(app, "/board", auth={"room": "physics"}).is_connected("/board")


def test_a_session_is_a_number_and_what_it_stands_for_is_in_the_database(app, ada):
    with ada.session_transaction() as session:
        assert session["_user_id"]
    number = ada.get_cookie(app.config["SESSION_COOKIE_NAME"]).value
    with app.app_context():
        stored = board.db.session.scalars(board.db.text("SELECT session_id FROM sessions")).all()

    assert f"session:{number}" in stored


def test_rights_without_http(app):
    with app.app_context():
        grace, ada, ben = (person.who for person in board.db.session.scalars(board.db.select(Person)))
        question = board.ask(ada, "Whose is it?", room="physics")

        assert board.change(grace, question.id, answered=True).answered, "grace teaches this room"
        with pytest.raises(board.Unknown):
            board.vote(ben, question.id)
        rooms.join(ben, "physics", "apple")
        with pytest.raises(board.NotYours):
            board.withdraw(ben, question.id)


def test_a_form_of_the_desk_needs_its_token_unless_a_test_says_otherwise(app):
    grace, id = app.test_client(), app.test_client().post("/api/questions", json={"text": "Wat?"}).json["id"]
    grace.post("/api/login", json={"name": "grace", "password": "live-flask"})

    assert grace.post(f"/desk/lobby/{id}", data={"text": "What?"}).status_code == 400
    app.config["WTF_CSRF_ENABLED"] = False
    assert grace.post(f"/desk/lobby/{id}", data={"text": "What?"}).status_code == 303
    assert grace.get(f"/api/questions/{id}").json["text"] == "What?"


def test_the_questions_of_a_room_are_found_by_an_index(app):
    with app.app_context():
        assert [index["column_names"] for index in board.db.inspect(board.db.engine).get_indexes("question")] == [
            ["room"]
        ]


def test_a_command(app):
    tell = app.test_cli_runner()

    assert tell.invoke(args=["users", "add", "tom", "--password", "sunny-day"]).output == "tom: sunny-day\n"
    assert "somebody called tom" in tell.invoke(args=["users", "add", "tom"]).output


def test_a_client_that_does_not_read_is_cut_off(app):
    server = socketio.server.eio
    quick, slow = (server.sockets.setdefault(name, engineio.socket.Socket(server, name)) for name in ("quick", "slow"))
    for _ in range(MOST_WAITING + 1):
        slow.send(engineio.packet.Packet(engineio.packet.NOOP))

    cut_off_slow_clients()

    assert slow.closed and not quick.closed


def test_a_stream_that_is_closed_leaves_nothing_in_the_hub(app, client):
    answer = client.get("/stream")
    assert len(app.extensions["hub"].readers["board"]) == 1

    answer.close()

    assert "board" not in app.extensions["hub"].readers


def test_a_reader_that_is_too_slow_is_cut_off_and_the_others_read_on(app):
    hub = app.extensions["hub"]
    with app.app_context():
        slow, quick = hub.join("board"), hub.join("board")

    for _ in range(WAITING + 1):
        hub.deliver("board", Block([], [b"news"]))
        assert quick.get_nowait().text == b"news"

    assert [slow.get_nowait() for _ in range(WAITING)][-1] is END, "its browser comes back, with the number it has"
    assert slow.empty() and slow not in hub.readers["board"], "and until then nothing is kept for it"


@pytest.mark.parametrize("type", ["a\nb", "a\rb", "", "a\0b"])
def test_a_type_that_is_not_one_line_is_refused(app, type):
    with app.app_context(), pytest.raises(ValueError, match="one line"):
        sse.publish({}, type=type)
