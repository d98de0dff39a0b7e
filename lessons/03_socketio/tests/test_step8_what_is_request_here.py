"""Step 8: an event has the request and the session of the handshake, and a copy of its own from then on."""

import secrets

from course.testkit.sockets import first_way


def ask(socket, text):
    return socket.call("ask", {"text": text, "key": secrets.token_hex(8)})["question"]


def introduced(lesson):
    """A visitor whom the API knows, as the page makes itself known before it connects."""
    visitor = lesson.visitor()
    assert visitor.put("/api/browser").status_code == 204
    return visitor


@first_way
def test_with_the_cookie_socket_and_http_are_one_person(lesson, client, transport):
    anna = introduced(lesson)
    with lesson.socket(client=client, transport=transport, visitor=anna) as socket:
        mine = ask(socket, "Whose is it?")
        theirs = lesson.visitor().post("/api/questions", json={"text": "And this?"}).json()
        socket.call("vote", {"id": theirs["id"]})

    seen = {question["id"]: question for question in anna.get("/api/questions").json()}
    assert seen[mine["id"]]["mine"] is True
    assert seen[theirs["id"]]["mine"] is False
    assert seen[theirs["id"]]["voted"] is True
    assert anna.put(f"/api/questions/{theirs['id']}/vote").json()["votes"] == 1, "one vote a person, by either way in"


def test_without_a_cookie_each_connection_is_somebody_new(lesson):
    with lesson.socket() as anna, lesson.socket() as ben:
        question = ask(anna, "Who am I?")

        assert anna.call("change", {"id": question["id"], "text": "I?"})["ok"], "as long as she is connected"
        assert "Only the browser that asked" in ben.call("withdraw", {"id": question["id"]})["error"]


def test_a_cookie_that_came_after_the_handshake_is_not_seen(lesson):
    anna = lesson.visitor()
    with lesson.socket(visitor=anna) as socket:
        anna.put("/api/browser")
        question = ask(socket, "Do you know me now?")

    assert anna.get(f"/api/questions/{question['id']}").json()["mine"] is False, "the session was copied before"
    with lesson.socket(visitor=anna) as socket:
        question = ask(socket, "And now?")
    assert anna.get(f"/api/questions/{question['id']}").json()["mine"] is True


def test_to_be_known_twice_is_to_be_known_once(lesson):
    anna = introduced(lesson)
    first = anna.post("/api/questions", json={"text": "Before"}).headers["Location"]
    anna.put("/api/browser")

    assert anna.get(first).json()["mine"] is True


def test_a_page_elsewhere_cannot_be_made_known(lesson):
    assert lesson.visitor().put("/api/browser").status_code == 204
    assert lesson.visitor("http://elsewhere.example").put("/api/browser").status_code == 403


def test_the_cookie_that_a_forger_signed_is_nobody_s(lesson):
    anna = introduced(lesson)
    name = lesson.lesson.name  # and that of its cookie
    forger = lesson.visitor(cookies={name: anna.cookies[name][:-3] + "abc"})
    with lesson.socket(visitor=anna) as socket:
        question = ask(socket, "Mine")
    with lesson.socket(visitor=forger) as socket:
        assert "Only the browser that asked" in socket.call("withdraw", {"id": question["id"]})["error"]


def test_what_alice_asks_by_socket_is_hers_after_a_reload(alice):
    assert alice.sees("WebSocket", within=5)
    alice.ask("Is it still mine?")
    assert alice.shows(alice.question("Is it still mine?").get_by_role("button", name="Withdraw"))

    alice.page.reload()

    assert alice.shows(alice.question("Is it still mine?").get_by_role("button", name="Withdraw"), within=5)
