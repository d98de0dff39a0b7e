"""Ada was away when Ben asked. She connects with the number of her last event, and what she missed comes first."""

STEP = 11
PEOPLE = ["Ada", "Ben"]
HIDES = "Redis|online|handshake|101|WebSocket close|open|disconnect|  close$"


def people(lesson, ada, ben):
    with lesson.socket(visitor=ada) as hers:
        seen = hers.call("ask", {"text": "One", "key": "one"}) and hers.next("question_asked").data["seq"]
    ben.post("/api/questions", json={"text": "Two"})
    with lesson.socket(visitor=ada, auth={"after": seen}) as hers:
        assert hers.next("question_asked")
