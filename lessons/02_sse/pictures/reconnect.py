"""Ada's stream breaks off. She comes back with the number of her last event, and gets the one that she missed."""

from course.processes import wait_for

STEP = 11
PEOPLE = ["Ada", "Ben"]
HIDES = "Redis"


def people(lesson, ada, ben):
    with lesson.stream(visitor=ada) as stream:
        ben.post("/api/questions", json={"text": "One"})
        last = stream.next().id
    assert wait_for(5, lambda: "during /stream" in str(list(lesson.wire.story.messages)))  # the API has noticed
    ben.post("/api/questions", json={"text": "Two"})
    with lesson.stream(visitor=ada, last_event_id=last) as stream:
        assert stream.next()
