"""Two streams, and one listener: Redis notifies the API once, and the API sends the event to both."""

from course.processes import wait_for

STEP = 11
PEOPLE = ["Ada", "Ben"]
HIDES = "values"


def people(lesson, ada, ben):
    with lesson.stream(visitor=ada) as hers, lesson.stream(visitor=ben) as his:
        assert wait_for(5, lambda: "values" in str(list(lesson.wire.story.messages)))
        ben.post("/api/questions", json={"text": "Who hears it?"})
        assert hers.next() and his.next()
