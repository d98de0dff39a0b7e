"""A worker dies; Ada goes on at the other."""

STEP = 12
WORKERS = 2
PEOPLE = ["Ada", "Ben"]
HIDES = "Redis|online|handshake|101|presence|open|Ben|api/me|200 OK|WebSocket close|disconnect|  close$"


def people(lesson, ada, ben):
    worker = int(ada.get("/api/me").headers["X-Worker"])
    with lesson.socket(visitor=ada) as hers:
        hers.call("ask", {"text": "One", "key": "one"})
        seen = hers.next("question_asked").data["seq"]
        lesson.kill(worker)
    ben.post("/api/questions", json={"text": "Two"})
    with lesson.socket(visitor=ada, auth={"after": seen}) as hers:
        assert hers.next("question_asked")
