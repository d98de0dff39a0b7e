"""A client begins by long polling, which every network lets through, and then moves up to a WebSocket."""

STEP = 11
PEOPLE = ["Ada"]
HIDES = "Redis|online"


def people(lesson, ada):
    with lesson.socket(visitor=ada, transport=None) as socket:
        assert "events" in socket.call("catch_up", {"after": 0})
