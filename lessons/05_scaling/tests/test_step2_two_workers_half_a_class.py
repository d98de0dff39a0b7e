"""Step 2: what is said at one worker is heard at every other: the log carries the board, the queue carries the rest."""

from course.processes import wait_for
from course.testkit.sockets import first_way

PHYSICS = {"room": "physics"}


def test_what_is_sent_to_all_is_heard_at_all_workers_once(fleet):
    with fleet.socket("/", address=fleet.at(0)) as here, fleet.socket("/", address=fleet.at(1)) as there:
        fleet.program().post(f"{fleet.at(0)}/hello", content="Good morning")

        for socket in (here, there):
            assert socket.next("message").data == "Good morning"
            assert socket.silent("message", seconds=0.2)


@first_way
def test_a_whisper_reaches_who_is_at_another_worker(fleet, client, transport):
    ada, grace = fleet.person("ada"), fleet.person("grace")
    how = {"auth": PHYSICS, "client": client, "transport": transport}
    with (
        fleet.socket(visitor=ada, address=fleet.at(0), **how) as learner,
        fleet.socket(visitor=grace, address=fleet.at(1), **how) as teacher,
        fleet.socket(visitor=grace, address=fleet.at(0), auth=PHYSICS) as her_other_window,
    ):
        assert "ada" in learner.call("enter", PHYSICS)["names"]
        learner.next("presence", within=3)
        answer = learner.call("whisper", {"to": "grace", "text": "Psst"})

        assert answer == {"ok": True}
        for window in (teacher, her_other_window, learner):
            assert window.next("whisper").data["text"] == "Psst"
            assert window.silent("whisper", seconds=0.2), "once"


def test_each_change_is_told_once_at_every_worker(fleet):
    with fleet.socket(address=fleet.at(0)) as here, fleet.socket(address=fleet.at(1)) as there:
        asked = fleet.visitor(base_url=fleet.at(0)).post("/api/questions", json={"text": "Once?"}).json()

        for socket in (here, there):
            assert socket.next("question_asked").data["question"]["id"] == asked["id"]
            assert socket.silent("question_asked", seconds=0.5), "by the log, and not by the queue too"


def test_each_worker_tells_its_own_clients_who_is_here(fleet):
    with (
        fleet.socket(visitor=fleet.person("grace"), auth=PHYSICS, address=fleet.at(1)) as teacher,
        fleet.socket(visitor=fleet.person("ada"), auth=PHYSICS, address=fleet.at(0)) as learner,
    ):
        assert learner.next("presence", within=3)

        def told():
            return [event.data["names"] for event in list(teacher.heard) if event.type == "presence"]

        by_another = wait_for(0.5, lambda: [names for names in told() if "grace" not in names])
        assert not by_another, "the other worker should tell its own clients only"


def test_the_board_needs_no_queue(fleet):
    asker = fleet.visitor(base_url=fleet.at(0))
    with (
        fleet.socket(address=fleet.at(1)) as socket,
        fleet.stream(address=fleet.at(1)) as stream,
        fleet.redis_stopped(),
    ):
        assert asker.post("/api/questions", json={"text": "Without Redis?"}).status_code == 201
        assert asker.get("/api/questions").headers["X-Worker"] != stream.response.headers["X-Worker"]
        heard = socket.next("question_asked", within=5)
        assert heard.data["question"]["text"] == "Without Redis?"
        assert stream.next(within=5).data == heard.data
