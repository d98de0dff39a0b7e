"""Ada asks. The acknowledgement says that her question is stored; the event tells it to everybody, to her, too."""

from course.processes import wait_for

STEP = 11
PEOPLE = ["Ada", "Ben"]
HIDES = "values|SUBSCRIBE|online|connect|handshake|101|WebSocket close|open|disconnect|  close$"


def people(lesson, ada, ben):
    with lesson.socket(visitor=ada) as hers, lesson.socket(visitor=ben) as his:
        assert wait_for(5, lambda: "values" in str(list(lesson.wire.story.messages)))  # the API listens to Redis
        hers.call("ask", {"text": "Did it arrive?", "key": "one"})
        assert hers.next("question_asked") and his.next("question_asked")
