"""A question is in the log: each worker is notified, and sends it to its own clients. A wave goes through the queue."""

STEP = 2
WORKERS = 2
PEOPLE = ["Ada", "Ben"]
HIDES = "online|handshake|101|presence|WebSocket|connect|  close$|EVAL|SUBSCRIBE|→ nil|→ 3 values|→ 1$|open"


def people(lesson, ada, ben):
    with (
        lesson.socket("/board", "/", visitor=ada, address=lesson.at(0)) as hers,
        lesson.socket("/board", "/", visitor=ben, address=lesson.at(1)) as his,
    ):
        assert hers.take(2, "heartbeat", within=5) and his.take(2, "heartbeat", within=5), "both workers listen now"
        assert hers.call("ask", {"text": "Who hears it?", "key": "one"})["ok"]
        assert hers.next("question_asked") and his.next("question_asked")
        hers.send("wave", "Ada", namespace="/")
        assert his.next("wave")
