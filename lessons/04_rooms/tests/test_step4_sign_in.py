"""Step 4: who signs in is the same person by every door, and nobody learns a password."""

import secrets

import pytest
from socketio.exceptions import ConnectionError

from course.testkit.sockets import first_way


def login(visitor, name, password):
    return visitor.post("/api/login", json={"name": name, "password": password})


def test_who_signs_in_is_known(lesson):
    assert lesson.visitor().get("/api/me").json()["name"] is None

    ada, grace = lesson.sign_in("ada").get("/api/me").json(), lesson.sign_in("grace").get("/api/me").json()

    assert (ada["name"], ada["teacher"]) == ("ada", False)
    assert (grace["name"], grace["teacher"]) == ("grace", True)
    assert ada["rooms"][1] == {"name": "physics", "teacher": False, "code": None}, "a learner sees no code"
    assert grace["rooms"][1]["teacher"] is True
    assert grace["rooms"][1]["code"], "a teacher sees it"


@pytest.mark.parametrize(
    ("name", "password", "status", "why"),
    [
        ("ada", "wrong", 401, "The name or the password is wrong."),
        ("nobody", "live-flask", 401, "The name or the password is wrong."),
        ("ada", "", 400, "1 to 200"),
        ("ada", "x" * 201, 400, "1 to 200"),
        ("ada", None, 400, "must be a text"),
        (["ada"], "live-flask", 400, "must be a text"),
        ("ada\0", "live-flask", 400, "zero byte"),
        ("ada' OR '1'='1", "x", 401, "The name or the password is wrong."),
    ],
    ids=str,
)
def test_who_cannot_sign_in_learns_no_more_than_that(lesson, name, password, status, why):
    visitor = lesson.visitor()
    answer = login(visitor, name, password)

    assert answer.status_code == status
    assert why in answer.json()["error"]
    assert visitor.get("/api/me").json()["name"] is None


@first_way
def test_an_event_knows_who_sends_it(lesson, client, transport):
    ada = lesson.person("ada")
    with lesson.socket(visitor=ada, client=client, transport=transport) as socket:
        sent = {"text": "Who am I?", "author": "grace", "key": secrets.token_hex(8)}
        question = socket.call("ask", sent)["question"]

    assert question["author"] == "ada", "who is signed in signs with her own name"
    assert ada.post("/api/questions", json={"text": "And by HTTP?", "author": "grace"}).json()["author"] == "ada"
    on_her_phone = lesson.sign_in("ada")
    assert on_her_phone.get(f"/api/questions/{question['id']}").json()["mine"], "she is ada on every device"


def test_a_room_refuses_who_is_not_signed_in(lesson):
    with pytest.raises(ConnectionError, match="Sign in first"):
        lesson.socket(auth={"room": "physics"})
    with lesson.socket() as guest:
        assert "Sign in first" in guest.call("enter", {"room": "physics"})["error"]


def test_people_are_added_at_the_command_line(lesson):
    assert "carl: flower-pot" in lesson.flask("users", "add", "carl", "--password", "flower-pot")
    dora, again, too_short, nobody, _ = lesson.users(
        ["add", "dora", "--teacher"],
        ["add", "carl"],
        ["add", "fay", "--password", " "],
        ["password", "gus"],
        ["add", "fay", "--password", " spaced "],
    )

    made = dora.partition("dora: ")[2].split()[0]
    assert lesson.sign_in("dora", made).get("/api/me").json()["teacher"] is True
    assert "somebody called carl already" in again
    carl = lesson.sign_in("carl", "flower-pot")
    assert carl.get("/api/me").json()["teacher"] is False, "and nothing of his has changed"
    assert "A password has 1 to 200 characters" in too_short
    assert "There is nobody called gus" in nobody
    assert login(lesson.visitor(), "fay", " spaced ").status_code == 200


@pytest.mark.long
def test_no_password_is_stored(lesson):
    lesson.flask("users", "add", "eva", "--password", "very-secret-indeed")
    lesson.person("eva", "very-secret-indeed")

    written = b"".join(path.read_bytes() for path in lesson.database.parent.glob(f"{lesson.database.name}*"))
    assert b"scrypt:" in written
    assert b"very-secret-indeed" not in written
    assert "very-secret-indeed" not in "".join(lesson.served.api.lines)


def test_the_first_start_says_who_can_sign_in(lesson, tmp_path):
    with lesson.another_api(SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path.as_posix()}/new.db") as first:
        assert len(first.served.api.printed("A demo class is here", at_least=1, within=5)) == 1


def test_the_page_signs_in_and_says_what_is_wrong(lesson, alice):
    alice.sign_in("ada", "wrong")
    assert alice.sees("The name or the password is wrong.")

    alice.sign_in("ada")
    assert alice.sees("Signed in as ada")
    alice.page.reload()
    assert alice.sees("Signed in as ada")
    assert not alice.page.get_by_label("Your name").is_visible(), "she need not say who she is"
