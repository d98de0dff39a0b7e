"""Step 8: the desk is made on the server, works without JavaScript, and changes nothing without its token."""

import re
import secrets

import pytest


def at_the_desk(lesson, name="grace", origin=None):
    """A teacher at the desk: a visitor of the API's own origin who has signed in there."""
    teacher = lesson.visitor(origin or lesson.api, follow_redirects=True)
    login = teacher.get("/desk")
    assert "Password" in login.text, "the desk should ask who is there"
    answer = teacher.post("/desk/login", data={"name": name, "password": "live-flask", "csrf_token": token(login)})
    assert answer.status_code == 200, answer.text
    return teacher


def token(answer):
    """The token of the forms on a page."""
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.text)[1]


def ask(lesson, text, name="ada"):
    """The number of a new question in physics."""
    return lesson.person(name).post("/api/questions?room=physics", json={"text": text}).json()["id"]


def text_of(lesson, id):
    answer = lesson.person("grace").get(f"/api/questions/{id}")
    return answer.json()["text"] if answer.status_code == 200 else None


def test_the_teacher_edits_and_deletes_by_forms(lesson):
    id = ask(lesson, "What is hte sun?")
    teacher = at_the_desk(lesson)
    assert "physics" in teacher.get("/desk").text
    table = teacher.get("/desk/physics")
    assert "What is hte sun?" in table.text

    saved = teacher.post(
        f"/desk/physics/{id}",
        data={"text": "What is the sun?", "answered": "y", "save": "", "csrf_token": token(table)},
    )
    assert "Saved." in saved.text
    assert text_of(lesson, id) == "What is the sun?"
    assert re.search(r"<input checked[^>]*answered", saved.text)

    sure = teacher.post(f"/desk/physics/{id}", data={"delete": "", "csrf_token": token(saved)})
    assert "Delete this question?" in sure.text, "not before she is sure"
    assert text_of(lesson, id), "not before she is sure"
    gone = teacher.post(f"/desk/physics/{id}", data={"sure": "", "csrf_token": token(sure)})
    assert "Deleted." in gone.text
    assert text_of(lesson, id) is None


@pytest.mark.parametrize("forged", [None, "", "x", "of another session"])
def test_without_the_token_of_this_session_nothing_changes(lesson, forged):
    id = ask(lesson, "As it was")
    teacher = at_the_desk(lesson)
    given = token(at_the_desk(lesson).get("/desk/physics")) if forged == "of another session" else forged

    for data in ({"text": "Forged", "save": ""}, {"sure": ""}):
        answer = teacher.post(f"/desk/physics/{id}", data=data | ({} if given is None else {"csrf_token": given}))
        assert answer.status_code == 400
        assert "This form is too old, or not from this page" in answer.text
    assert text_of(lesson, id) == "As it was"


def test_a_form_from_elsewhere_is_refused_even_with_the_token(lesson):
    id = ask(lesson, "As it was")
    teacher = at_the_desk(lesson)
    data = {"text": "Forged", "save": "", "csrf_token": token(teacher.get("/desk/physics"))}

    for origin in ("http://localhost:9999", "null", lesson.page):
        assert teacher.post(f"/desk/physics/{id}", data=data, headers={"Origin": origin}).status_code == 403
    assert text_of(lesson, id) == "As it was"


def test_a_learner_has_no_desk_and_a_question_of_another_room_is_not_on_it(lesson):
    id = ask(lesson, "As it was")
    learner = at_the_desk_refused(lesson, "ada")
    assert learner.get("/desk/physics").status_code == 403
    teacher = at_the_desk(lesson)
    data = {"text": "Moved", "save": "", "csrf_token": token(teacher.get("/desk/lobby"))}
    assert teacher.post(f"/desk/lobby/{id}", data=data).status_code == 404
    assert text_of(lesson, id) == "As it was"


def at_the_desk_refused(lesson, name):
    """Somebody who has signed in at the desk, and is told that it is not for her."""
    visitor = lesson.visitor(lesson.api)
    sent = {"name": name, "password": "live-flask", "csrf_token": token(visitor.get("/desk/login"))}
    assert visitor.post("/desk/login", data=sent).status_code == 303
    refused = visitor.get("/desk")
    assert refused.status_code == 403
    assert "Only a teacher" in refused.text
    return visitor


def test_what_cannot_stand_is_said_beside_the_table(lesson):
    id = ask(lesson, "As it was")
    teacher = at_the_desk(lesson)
    for text, why in (("", "1 to 280"), ("x" * 281, "this one has 281")):
        sent = {"text": text, "save": "", "csrf_token": token(teacher.get("/desk/physics"))}
        answer = teacher.post(f"/desk/physics/{id}", data=sent)
        assert answer.status_code == 400
        assert why in answer.text
        assert "As it was" in answer.text


def test_a_wrong_password_is_said_and_a_sign_out_ends_it(lesson):
    visitor = lesson.visitor(lesson.api, follow_redirects=True)
    sent = {"name": "grace", "password": "wrong", "csrf_token": token(visitor.get("/desk/login"))}
    answer = visitor.post("/desk/login", data=sent)
    assert answer.status_code == 401
    assert "The name or the password is wrong." in answer.text

    teacher = at_the_desk(lesson)
    teacher.post("/desk/logout", data={"csrf_token": token(teacher.get("/desk"))})
    assert "Password" in teacher.get("/desk").text


def test_the_desk_stands_in_no_frame_and_in_no_cache(lesson):
    answer = at_the_desk(lesson).get("/desk/physics")

    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


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
