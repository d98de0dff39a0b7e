"""Ada and Ben are in different rooms: what Ada asks in physics reaches her; Ben, in the lobby, does not receive it."""

STEP = 19
PEOPLE = ["Ada", "Ben"]
HIDES = "Redis|online|handshake|101|presence|WebSocket close|open|disconnect|  close$"


def people(lesson, ada, ben):
    with lesson.socket(visitor=ada) as hers, lesson.socket(visitor=ben) as his:
        assert hers.call("enter", {"room": "physics"})["ok"]
        hers.call("ask", {"room": "physics", "text": "Who hears it?", "key": "one"})
        assert hers.next("question_asked") and his.silent("question_asked", seconds=0.3)
