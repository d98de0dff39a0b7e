"""Whose name it is: who is signed in is marked, and a name that passes for another is refused."""

import csv
import io
import unicodedata

import pytest

UNSEEN = {
    "a zero-width space": "gra\u200bce",
    "a mark of direction": "grace\u200f",
    "text that runs backwards": "\u202eecarg",
    "a tag": "grace\U000e0020",
    "a filler": "grace\u3164",
    "a blank of Braille": "grace\u2800",
    "a line break": "grace\nada",
}
MIXED = {"a Cyrillic a": "gr\u0430ce", "a Greek omicron": "b\u03bfb", "wide letters too": "\uff47r\u0430ce"}
FINE = [
    "Grace Hopper",
    "Σοφία",
    "Анна",
    "李小龙 Bruce",
    "ユキ",
    "राम",
    "مريم",
    "José",
    "Kaʻahumanu",
    "O’Neill-2",
    "Ada 🎈",
    "",
]


def ask(visitor, author="", room="lobby"):
    return visitor.post(f"/api/questions?room={room}", json={"text": "Who am I?", "author": author})


def test_a_guest_who_signs_as_grace_is_not_taken_for_her(lesson):
    guest, grace = ask(lesson.visitor(), "grace").json(), ask(lesson.person("grace")).json()

    assert guest["author"] == grace["author"] == "grace"
    assert (guest["signed_in"], grace["signed_in"]) == (False, True)
    listed = {question["id"]: question["signed_in"] for question in lesson.program().get("/api/questions").json()}
    assert (listed[guest["id"]], listed[grace["id"]]) == (False, True)
    exported = lesson.program().get("/export/questions.csv").text
    assert exported.startswith("id,text,author,votes,answered,asked_at,signed_in\r\n")
    marks = {row["id"]: row["signed_in"] for row in csv.DictReader(io.StringIO(exported))}
    assert (marks[str(guest["id"])], marks[str(grace["id"])]) == ("False", "True")


def test_it_is_said_to_all_who_hear_of_a_question(lesson):
    with lesson.socket() as socket, lesson.stream() as stream:
        ask(lesson.visitor(), "grace"), ask(lesson.person("grace"))
        heard = [socket.next("question_asked").data["question"]["signed_in"] for _ in range(2)]
        read = [stream.next().data["question"]["signed_in"] for _ in range(2)]

    assert heard == read == [False, True]


def test_the_page_and_the_desk_mark_who_is_signed_in(lesson, alice):
    guest, grace = ask(lesson.visitor(), "grace").json()["id"], ask(lesson.person("grace")).json()["id"]

    assert alice.shows(alice.page.locator(f"#question-{grace} .about").get_by_text("signed in"), within=5)
    assert not alice.page.locator(f"#question-{guest}").get_by_text("signed in").is_visible()
    desk = lesson.person("grace").get("/desk/lobby").text
    rows = {id: desk.partition(f'id="question-{id}"')[2].partition("</tr>")[0] for id in (guest, grace)}
    assert "signed in" in rows[grace] and "signed in" not in rows[guest]


@pytest.mark.parametrize("name", UNSEEN.values(), ids=UNSEEN)
def test_a_name_shows_all_that_it_has(lesson, name):
    answer = ask(lesson.visitor(), name)

    assert answer.status_code == 400 and "cannot be seen" in answer.json()["error"]
    with lesson.socket() as socket:
        refused = socket.call("ask", {"text": "Who am I?", "author": name, "key": name})
    assert "cannot be seen" in refused["error"]


@pytest.mark.parametrize("name", MIXED.values(), ids=MIXED)
def test_a_name_has_the_letters_of_one_alphabet(lesson, name):
    answer = ask(lesson.visitor(), name)

    assert answer.status_code == 400 and "two alphabets" in answer.json()["error"]


@pytest.mark.parametrize("name", FINE)
def test_people_have_names_of_every_kind(lesson, name):
    assert ask(lesson.visitor(), name).json()["author"] == name


@pytest.mark.long
def test_the_command_line_takes_no_name_that_passes_for_another(lesson):
    said = lesson.users(
        ["add", "gr\u0430ce"], ["add", "gra\u200bce"], ["add", "Grace"], ["add", "ＧＲＡＣＥ"], ["add", "Grace Hopper"]
    )

    assert "two alphabets" in said[0] and "cannot be seen" in said[1]
    assert all("There is somebody called grace already." in answer for answer in said[2:4])
    assert said[4].startswith("Grace Hopper: ")


@pytest.mark.parametrize("name", ["login", "logout", "page"])
def test_a_room_whose_desk_could_not_be_reached_is_not_opened(lesson, name):
    answer = lesson.person("grace").post("/api/rooms", json={"name": name, "code": "pear"})

    assert answer.status_code == 400 and "The desk uses this name itself" in answer.json()["error"]


def test_the_last_teacher_of_a_room_stays_until_it_is_closed(lesson):
    grace, ada = lesson.person("grace"), lesson.person("ada")
    grace.post("/api/rooms", json={"name": "chemistry", "code": "pear"})
    ada.post("/api/rooms/chemistry/members", json={"code": "pear"})

    answer = grace.delete("/api/rooms/chemistry/members/grace")

    assert answer.status_code == 403 and "close the room instead" in answer.json()["error"]
    assert ada.delete("/api/rooms/chemistry/members/ada").status_code == 204, "a learner may leave"
    assert grace.delete("/api/rooms/chemistry").status_code == 204


def test_what_another_keyboard_puts_together_otherwise_is_the_same_name_and_password(lesson):
    jürgen, password = (unicodedata.normalize("NFC", text) for text in ("Jürgen", "Ölfässer ²"))
    lesson.users(["add", jürgen, "--password", password])

    there = lesson.sign_in(unicodedata.normalize("NFD", jürgen), unicodedata.normalize("NFKD", password))

    assert there.get("/api/me").json()["name"] == jürgen
    (said,) = lesson.users(["add", unicodedata.normalize("NFD", jürgen)])
    assert "called" in said, "nobody else should be called so"


def test_a_question_is_kept_in_one_form(lesson):
    asked = lesson.visitor().post("/api/questions", json={"text": unicodedata.normalize("NFD", "Größe?")})
    assert asked.json()["text"] == unicodedata.normalize("NFC", "Größe?")
