"""Step 16: the desk signs people in and out by itself, without JavaScript."""

import re
import secrets

import pytest

from course.testkit.desk import ask, token
from course.testkit.school import PEOPLE, school_of

HTTP = {  # what is tried, and the status of the answer for: a guest, ada, lea, tom, grace
    "sit at a desk": (lambda s, v: v.get("/desk"), 302, 403, 403, 200, 200),
    "sit at the room's desk": (lambda s, v: v.get("/desk/physics"), 302, 403, 404, 404, 200),
    "sit at the lobby's desk": (lambda s, v: v.get("/desk/lobby"), 302, 403, 403, 200, 200),
}  # fmt: skip


def at_the_desk(lesson, name="grace", origin=None):
    """A teacher at the desk: a visitor of the API's own origin who has signed in there."""
    teacher = lesson.visitor(origin or lesson.api, follow_redirects=True)
    login = teacher.get("/desk")
    assert "Password" in login.text, "the desk should ask who is there"
    answer = teacher.post("/desk/login", data={"name": name, "password": "live-flask", "csrf_token": token(login)})
    assert answer.status_code == 200, answer.text
    return teacher


def test_a_teacher_signs_in_at_the_desk_and_gives_a_room_another_code(lesson):
    teacher = at_the_desk(lesson)
    before = teacher.get("/desk/physics")
    answer = teacher.post("/desk/physics/code", data={"csrf_token": token(before)})

    assert "The room has a new code." in answer.text
    code = re.search("<code>(.+?)</code>", before.text)[1]
    assert f"<code>{code}</code>" not in answer.text


@pytest.mark.parametrize("what", HTTP)
def test_over_http(lesson, what):
    school = school_of(lesson)
    do, *expected = HTTP[what]

    answers = [do(school, school.visitors[name]) for name in PEOPLE]

    assert [answer.status_code for answer in answers] == expected
    said = [answer.text for answer in answers if answer.status_code >= 400]
    assert all("traceback" not in text.lower() for text in said)


def test_a_learner_who_signs_in_there_has_no_desk(lesson):
    learner = at_the_desk_refused(lesson, "ada")
    assert learner.get("/desk/physics").status_code == 403


def at_the_desk_refused(lesson, name):
    """Somebody who has signed in at the desk, and is told that it is not for her."""
    visitor = lesson.visitor(lesson.api)
    sent = {"name": name, "password": "live-flask", "csrf_token": token(visitor.get("/desk/login"))}
    assert visitor.post("/desk/login", data=sent).status_code == 303
    refused = visitor.get("/desk")
    assert refused.status_code == 403
    assert "Only a teacher" in refused.text
    return visitor


def test_a_wrong_password_is_said_and_a_sign_out_ends_it(lesson):
    visitor = lesson.visitor(lesson.api, follow_redirects=True)
    sent = {"name": "grace", "password": "wrong", "csrf_token": token(visitor.get("/desk/login"))}
    answer = visitor.post("/desk/login", data=sent)
    assert answer.status_code == 401
    assert "The name or the password is wrong." in answer.text

    teacher = at_the_desk(lesson)
    teacher.post("/desk/logout", data={"csrf_token": token(teacher.get("/desk"))})
    assert "Password" in teacher.get("/desk").text


def test_the_desk_works_without_javascript(lesson, window):
    ask(lesson, f"Plain {secrets.token_hex(2)}")
    desk = window(f"{lesson.api}/desk", java_script_enabled=False)
    desk.sign_in("grace")
    desk.page.get_by_role("link", name="physics").click()
    row = desk.page.get_by_role("row").filter(has=desk.page.get_by_label("Question")).first
    row.get_by_label("Question").fill("Edited without JavaScript")
    row.get_by_role("button", name="Save").click()
    assert desk.sees("Saved.")

    row.get_by_role("button", name="Delete").click()
    desk.page.get_by_role("button", name="Yes, delete").click()
    assert desk.sees("Deleted.")


def test_the_open_desk_refreshes_and_leaves_alone_what_is_being_written(lesson, window):
    first = ask(lesson, "Being edited")
    desk = window(f"{lesson.api}/desk")
    desk.sign_in("grace")
    desk.page.get_by_role("link", name="physics").click()
    assert desk.sees("Live: what happens")
    editing = desk.page.locator(f"#question-{first} textarea")
    editing.fill("Half a sen")

    second = ask(lesson, "Shows by itself")
    lesson.person("ada").put(f"/api/questions/{second}/vote")

    assert desk.shows(desk.page.locator(f"#question-{second}"))
    assert editing.input_value() == "Half a sen"
    assert desk.shows(desk.page.locator(f"#question-{second} td").first.get_by_text("1"))
    lesson.person("ada").delete(f"/api/questions/{second}")
    assert desk.shows(desk.page.locator(f"#question-{second}"), state="detached")


def test_whoever_types_at_the_desk_keeps_the_focus_and_sees_the_votes(lesson, window):
    edited, other = ask(lesson, "Being edited"), ask(lesson, "Gets votes")
    desk = window(f"{lesson.api}/desk")
    desk.sign_in("grace")
    desk.page.get_by_role("link", name="physics").click()
    assert desk.sees("Live: what happens")
    editing = desk.page.locator(f"#question-{edited} textarea")
    editing.fill("")

    for voter, id, typed in (("ada", other, "Half"), ("grace", other, " a sen"), ("ada", edited, "tence")):
        editing.page.keyboard.type(typed)
        votes = desk.page.locator(f"#question-{id} td").first
        before = int(votes.inner_text())
        lesson.person(voter).put(f"/api/questions/{id}/vote")
        assert desk.shows(votes.get_by_text(str(before + 1)))

    assert editing.input_value() == "Half a sentence"
