"""A worker leaves in peace: nginx sends it nobody new, it closes Ada's connection, and she connects to the other."""

STEP = 12
WORKERS = 2
PEOPLE = ["Ada"]
HIDES = "refused|Redis|online|handshake|101|presence|open|api/me|200 OK|close 1000|disconnect|  close$"


def people(lesson, ada):
    worker = int(ada.get("/api/me").headers["X-Worker"])
    with lesson.socket(visitor=ada):
        lesson.served.api.send_away(worker)
    with lesson.socket(visitor=ada) as hers:
        assert hers.call("catch_up", {"after": 0})["ok"]
