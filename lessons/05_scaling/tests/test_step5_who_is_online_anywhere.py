"""Step 5: who is online is known at every worker, and forgotten when a worker dies."""

from course.processes import wait_for

PHYSICS = {"room": "physics"}


def last(socket, type, what):
    """What the last event of this type said."""
    return next((event.data[what] for event in reversed(socket.heard) if event.type == type), None)


def test_a_room_names_people_at_all_workers(fleet):
    ada, grace = fleet.person("ada"), fleet.person("grace")
    with fleet.socket(visitor=grace, auth=PHYSICS, address=fleet.at(0)) as teacher:
        with fleet.socket(visitor=ada, auth=PHYSICS, address=fleet.at(1)) as learner:
            assert wait_for(3, lambda: last(teacher, "presence", "names") == ["ada", "grace"])
            assert wait_for(3, lambda: last(learner, "presence", "names") == ["ada", "grace"])
            assert teacher.call("enter", PHYSICS)["names"] == ["ada", "grace"]
            with fleet.socket(visitor=ada, auth=PHYSICS, address=fleet.at(0)) as second:
                names = second.next("presence", within=3).data["names"]
                assert names == ["ada", "grace"], "with windows at two workers she is one"
        assert wait_for(3, lambda: last(teacher, "presence", "names") == ["grace"])


def test_a_whisper_finds_who_is_at_another_worker_only(fleet):
    with (
        fleet.socket(visitor=fleet.person("grace"), auth=PHYSICS, address=fleet.at(0)) as teacher,
        fleet.socket(visitor=fleet.person("ada"), auth=PHYSICS, address=fleet.at(1)) as learner,
    ):
        assert wait_for(3, lambda: last(learner, "presence", "names") == ["ada", "grace"])
        assert learner.call("whisper", {"to": "grace", "text": "Psst"}) == {"ok": True}
        assert teacher.next("whisper").data["text"] == "Psst"


def test_the_count_is_of_people_at_all_workers_and_says_who_served(fleet):
    visitor = fleet.visitor()
    visitor.put("/api/browser")
    with (
        fleet.socket(address=fleet.at(0)) as first,
        fleet.socket(visitor=visitor, address=fleet.at(1)) as second,
        fleet.socket(visitor=visitor, address=fleet.at(0)) as third,
    ):
        for socket in (first, second, third):
            assert wait_for(3, lambda socket=socket: last(socket, "online", "count") == 2)
        assert last(first, "online", "worker") == last(third, "online", "worker") != last(second, "online", "worker")


def test_the_people_of_a_worker_that_is_killed_are_gone_when_its_lease_ends(fleet):
    ada, grace = fleet.person("ada"), fleet.person("grace")
    port = fleet.places[1]
    with fleet.socket(visitor=grace, auth=PHYSICS, address=fleet.at(0)) as teacher:
        with fleet.socket(visitor=ada, auth=PHYSICS, address=fleet.at(1)):
            assert wait_for(3, lambda: last(teacher, "presence", "names") == ["ada", "grace"])
            fleet.kill(port)
            assert wait_for(8, lambda: last(teacher, "presence", "names") == ["grace"])
        assert last(teacher, "online", "count") == 1
    fleet.served.api.start(port)
    fleet.served.api.workers[port].wait_until_it_answers(port, "The worker")


def test_when_redis_comes_back_empty_everybody_is_there_again(fleet):
    ada, grace = fleet.person("ada"), fleet.person("grace")
    with (
        fleet.socket(visitor=grace, auth=PHYSICS, address=fleet.at(0)) as teacher,
        fleet.socket(visitor=ada, auth=PHYSICS, address=fleet.at(1)),
    ):
        assert wait_for(3, lambda: last(teacher, "presence", "names") == ["ada", "grace"])
        with fleet.redis_stopped():
            assert teacher.call("enter", PHYSICS)["names"] == ["ada", "grace"], "a moment without Redis changes nothing"
        assert wait_for(5, lambda: teacher.call("enter", PHYSICS)["names"] == ["ada", "grace"])
        with fleet.socket(visitor=fleet.person("ben"), address=fleet.at(1)):
            assert wait_for(5, lambda: last(teacher, "online", "count") == 3)
