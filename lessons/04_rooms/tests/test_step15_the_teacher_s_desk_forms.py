"""Step 15: the desk's forms work without JavaScript, and change nothing without their token."""

import pytest

from course.testkit.desk import ask, text_of, token


def at_the_desk(lesson, name="grace"):
    """A teacher at the desk: a visitor of the API's own origin who has signed in at the page."""
    return lesson.visitor(lesson.api, cookies=lesson.sign_in(name).cookies, follow_redirects=True)


def test_the_teacher_edits_and_deletes_by_forms(lesson):
    id = ask(lesson, "What is hte sun?")
    teacher = at_the_desk(lesson)
    assert "physics" in teacher.get("/desk").text
    table = teacher.get("/desk/physics")
    assert "What is hte sun?" in table.text

    def press(**button):
        data = {"text": "What is the sun?", "csrf_token": token(table), **button}
        return teacher.post(f"/desk/physics/{id}", data=data).text

    assert "Saved." in press(mark="answered")
    assert text_of(lesson, id) == "What is the sun?"
    assert ">Answered<" in press(save=""), "who saves a text does not mark it"
    assert ">Answered<" not in press(mark="open")

    sure = teacher.post(f"/desk/physics/{id}", data={"delete": "", "csrf_token": token(table)})
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


def test_a_question_of_another_room_is_not_on_the_desk(lesson):
    id = ask(lesson, "As it was")
    teacher = at_the_desk(lesson)
    data = {"text": "Moved", "save": "", "csrf_token": token(teacher.get("/desk/physics"))}
    assert teacher.post(f"/desk/lobby/{id}", data=data).status_code == 404
    assert text_of(lesson, id) == "As it was"


def test_what_cannot_stand_is_said_beside_the_table(lesson):
    id = ask(lesson, "As it was")
    teacher = at_the_desk(lesson)
    for text, why in (("", "1 to 280"), ("x" * 281, "this one has 281")):
        sent = {"text": text, "save": "", "csrf_token": token(teacher.get("/desk/physics"))}
        answer = teacher.post(f"/desk/physics/{id}", data=sent)
        assert answer.status_code == 400
        assert why in answer.text
        assert "As it was" in answer.text


def test_the_desk_stands_in_no_frame_and_in_no_cache(lesson):
    answer = at_the_desk(lesson).get("/desk/physics")

    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
