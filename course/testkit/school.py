"""Two classes for the tests of who may do what: physics, in which grace teaches, and art, in which tom does."""

import secrets

from socketio.exceptions import ConnectionError

PEOPLE = ["guest", "ada", "lea", "tom", "grace"]  # ada and grace belong to physics, lea and tom to art


class School:
    """Two classes, with everybody signed in, and questions by ada and grace in physics."""

    def __init__(self, lesson):
        self.visitors = {"ada": lesson.person("ada"), "grace": lesson.person("grace"), "guest": lesson.visitor()}
        self.visitors["guest"].put("/api/browser")
        password = ["--password", "art-class"]
        lesson.users(["add", "lea", *password], ["add", "tom", "--teacher", *password])
        self.visitors |= {name: lesson.person(name, "art-class") for name in ("lea", "tom")}
        self.visitors["tom"].post("/api/rooms", json={"name": "art", "code": "blue"})
        self.visitors["lea"].post("/api/rooms/art/members", json={"code": "blue"})

    def asked_by(self, name):
        """The number of a new question in physics."""
        return self.visitors[name].post("/api/questions?room=physics", json={"text": f"By {name}"}).json()["id"]

    def export_by(self, name):
        return self.visitors[name].post("/api/exports?room=physics").json()["job"]

    def doomed(self):
        """A new room of grace's, to which ada belongs, to be closed."""
        name = f"doomed-{secrets.token_hex(4)}"
        self.visitors["grace"].post("/api/rooms", json={"name": name, "code": "x"})
        self.visitors["ada"].post(f"/api/rooms/{name}/members", json={"code": "x"})
        return name

    def stream(self, visitor, channel):
        with visitor.stream("GET", f"/stream?channel={channel}") as answer:
            return answer.status_code


def school_of(lesson):
    """One school for all tests of a file on one server."""
    if "school" not in lesson.kept:
        lesson.kept["school"] = School(lesson)
    return lesson.kept["school"]


def token(lesson, name="ada", password="live-flask"):
    """A token of somebody who has a password."""
    answer = lesson.program().post("/api/tokens", json={"name": name, "password": password})
    assert answer.status_code == 201, "name and password should give a token"
    return answer.json()["token"]


def is_refused(lesson, given):
    """Whether a token opens no socket any more."""
    try:
        lesson.socket(auth={"token": given}).leave()
    except ConnectionError as error:
        return "This token is not valid, or no longer" in str(error)
    return False
