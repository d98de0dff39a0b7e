"""The quick questions of the notes: what two running workers say to each option."""

import contextlib
import sys

import httpx

from course.processes import Process, wait_for

PHYSICS = {"room": "physics"}
SCRIPT = """
import sys
from socketio import RedisManager

queue = RedisManager(sys.argv[1], sys.argv[2], write_only=True)
queue.emit("announcement", {"text": "Does anybody hear me?"}, namespace="/board")
"""


def test_question_1_only_long_polling_needs_its_worker(quiz, fleet):
    here, there = fleet.at(0), fleet.at(1)
    ada = fleet.person("ada")

    def polls_elsewhere():
        path = "/socket.io/?EIO=4&transport=polling"
        path += "&sid=" + httpx.get(here + path).text.split('"')[3]
        works = httpx.post(there + path, content="40/board,").status_code == 200
        httpx.post(here + path, content="1")  # Engine.IO's goodbye; else its worker would count it for a while
        return works

    def opens_a_socket_elsewhere():
        with fleet.socket(address=there, visitor=ada) as socket:
            return socket.call("enter", PHYSICS)["ok"]

    def asks_elsewhere():
        return [ada.get(f"{worker}/api/me").json()["name"] for worker in (here, there)] == ["ada", "ada"]

    def reads_on_elsewhere():
        ada.post("/api/questions", json={"text": "Before"})
        with fleet.stream(address=here, last_event_id=fleet.newest() - 1) as stream:
            last = stream.next().id
        ada.post("/api/questions", json={"text": "Meanwhile"})
        with fleet.stream(address=there, last_event_id=last) as stream:
            return stream.next().data["question"]["text"] == "Meanwhile"

    works = {
        "Long polling": polls_elsewhere(),
        "A WebSocket": opens_a_socket_elsewhere(),
        "HTTP requests with a session": asks_elsewhere(),
        "An event stream that comes back": reads_on_elsewhere(),
    }
    assert {option: not fine for option, fine in works.items()} == quiz[1].claims


def test_question_2_a_whisper_is_lost_while_redis_is_away(quiz, fleet):
    ada, grace = fleet.person("ada"), fleet.person("grace")
    with (
        fleet.socket(visitor=ada, auth=PHYSICS, address=fleet.at(0)) as learner,
        fleet.socket(visitor=grace, auth=PHYSICS, address=fleet.at(1)) as teacher,
    ):
        assert wait_for(5, lambda: learner.call("whisper", {"to": "grace", "text": "Can you hear me?"}).get("ok"))
        teacher.next("whisper", within=5)

        def heard(type):
            return [event.data for event in teacher.heard if event.type == type]

        def whispered(text):
            return text in [said["text"] for said in heard("whisper")]

        with fleet.redis_stopped():
            question = learner.call("ask", PHYSICS | {"text": "And this?", "key": "and this"})["question"]
            assert learner.call("vote", {"id": question["id"]})["ok"]
            assert learner.call("whisper", {"to": "grace", "text": "Psst"})["ok"]
        now = {"to": "grace", "text": "And now?"}
        again = any(learner.call("whisper", now) and wait_for(0.5, lambda: whispered("And now?")) for _ in range(20))
        assert again, "the queue should carry again, but not what it had then"
        came = {
            "A question": wait_for(5, lambda: heard("question_asked")),
            "A vote": wait_for(5, lambda: heard("question_changed")),
            "A whisper": whispered("Psst"),
        }

    assert {option: not arrived for option, arrived in came.items()} == quiz[2].claims


def test_question_3_ready_says_503_while_a_worker_leaves(quiz, fleet):
    workers = fleet.served.api
    port = workers.add({"FLASK_EXPORT_SECONDS": "30"})

    def ready():
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://localhost:{port}/ready").status_code

    assert ready() == 200
    assert httpx.post(f"http://localhost:{port}/api/exports").status_code == 202
    workers.workers[port].popen.terminate()
    wait_for(10, lambda: ready() != 200)
    said = ready()
    workers.send_away(port)  # told twice, it goes at once

    assert quiz[3].claims == {
        "`200`": said == 200,
        "`503`": said == 503,
        "Nothing: nobody listens there any more": said is None,
    }


def test_question_4_emit_does_not_say_that_nobody_listens(quiz, fleet):
    with (
        fleet.socket() as socket,
        Process(sys.executable, "-c", SCRIPT, fleet.env["FLASK_REDIS_URL"], "another") as script,
    ):
        ended = wait_for(10, lambda: not script.running)
        code = script.popen.returncode
        assert socket.silent("announcement"), "nobody should have heard it"

    assert quiz[4].claims == {
        "It raises an error": ended and code != 0,
        "It waits until somebody listens": not ended,
        "It returns as if all were well": ended and code == 0,
    }
