"""The quick questions of the notes: what the running lesson says to each option."""

import json

from course.processes import wait_for


def ask(socket, text, key):
    return socket.call("ask", {"text": text, "key": key})["question"]


def texts(lesson):
    return [question["text"] for question in lesson.program().get("/api/questions").json()]


def shake_hands(visitor):
    """Connect to /board by long polling; gives the address at which this client sends and hears."""
    address = "/socket.io/?EIO=4&transport=polling"
    address += f"&sid={json.loads(visitor.get(address).text[1:])['sid']}"
    assert visitor.post(address, content="40/board,").text == "OK"
    return address


def leave(visitor, address):
    assert visitor.post(address, content="1").text == "OK", "Engine.IO's goodbye"


def test_question_1_emit_in_a_handler_answers_who_sent_the_event(quiz, lesson):
    with lesson.socket("/") as anna, lesson.socket("/") as ben:
        anna.send("echo", "Who hears this?", namespace="/")
        to_anna, to_ben = not anna.silent("echo", seconds=2), not ben.silent("echo")

    assert quiz[1].claims == {
        "Everybody": to_anna and to_ben,
        "The client that sent the event": to_anna and not to_ben,
        "Everybody but the client that sent the event": to_ben and not to_anna,
    }


def test_question_2_the_receipt_says_that_the_question_is_stored(quiz, lesson):
    ben = lesson.visitor()
    address = shake_hands(ben)
    with lesson.socket() as anna:
        heard = ben.get(address).text  # then he asks for no more until anna has her acknowledgement
        ask(anna, "Who has it?", "who has it")
        stored = "Who has it?" in texts(lesson)

    assert quiz[2].claims == {
        "That the others have the question": "Who has it?" in heard,
        "That the event has arrived, and is about to be handled": not stored,
        "That the question is stored": stored,
    }
    assert wait_for(5, lambda: "Who has it?" in ben.get(address).text), "he is one of those who are told"
    leave(ben, address)


def test_question_3_an_event_has_the_session_of_the_handshake(quiz, lesson):
    anna = lesson.visitor()
    anna.put("/api/browser")
    as_she_came = lesson.visitor(cookies=dict(anna.cookies))
    address = shake_hands(anna)
    anna.cookies.clear()
    anna.put("/api/browser")
    anna.post(address, content='42/board,0["ask",{"text":"Who am I?","key":"who am i"}]')

    def is_hers(visitor):
        return any(q["mine"] for q in visitor.get("/api/questions").json() if q["text"] == "Who am I?")

    assert wait_for(2, lambda: "Who am I?" in texts(lesson))
    leave(anna, address)
    assert quiz[3].claims == {
        "The one of the handshake": is_hers(as_she_came),
        "The new one": is_hers(anna),
        "None: an event has no session": not is_hers(as_she_came) and not is_hers(anna),
    }


def test_question_4_the_same_key_again_whatever_was_lost(quiz, lesson):
    again = {
        "Wait: to ask again might double the question": [],
        "Ask again, with a new key": ["new"],
        "Ask again, with the same key": ["same"],
    }

    def is_there_once(option, lost):
        text = f"{option}, {lost} lost"
        arrived = [] if lost == "question" else ["same"]
        for key in arrived + again[option]:
            ask(anna, text, f"{text}, {key}")
        return texts(lesson).count(text) == 1

    with lesson.socket() as anna:
        seen = {
            option: all(is_there_once(option, lost) for lost in ("question", "acknowledgement")) for option in again
        }

    assert seen == quiz[4].claims
