"""Step 2: the page's origin may read what is under /api/, no other origin may, and nothing else is open."""

import pytest


def test_the_page_may_read_the_questions(lesson):
    answer = lesson.visitor().get("/api/questions")

    assert answer.headers.get("Access-Control-Allow-Origin") == lesson.page, "the answer should name the page's origin"
    assert "Origin" in answer.headers.get("Vary", ""), "caches should keep a copy for each origin"


def test_the_page_may_read_an_error_too(lesson):
    answer = lesson.visitor().get("/api/questions/404404")

    assert answer.status_code == 404
    assert answer.headers.get("Access-Control-Allow-Origin") == lesson.page, "or the page could not say what is wrong"


def test_every_answer_that_depends_on_the_origin_says_so(lesson):
    for path in ("/api/questions", "/api/questions/404404", "/api/nothing"):
        assert "Origin" in lesson.visitor().get(path).headers.get("Vary", ""), f"caches should know, at {path} too"


def test_a_script_in_the_page_gets_the_answer(lesson, alice):
    assert alice.fetch(f"{lesson.api}/api/questions").status == 200


def test_a_script_in_another_page_does_not(lesson, mallory):
    assert mallory.fetch(f"{lesson.api}/api/questions").blocked, "a page on another origin should be refused"


@pytest.mark.parametrize(
    "nearly",
    ["{page}.evil.example", "{prefixed}", "{page}/", "{https}", "{page}1", "http://localhost", "null"],
)
def test_an_origin_that_nearly_matches_does_not_match(lesson, nearly):
    page = lesson.page
    origin = nearly.format(page=page, https=page.replace("http:", "https:"), prefixed=page.replace("//", "//evil."))

    answer = lesson.visitor(origin).get("/api/questions")

    assert "Access-Control-Allow-Origin" not in answer.headers, f"{origin} is not the page's origin"


def test_other_paths_stay_shut(lesson):
    assert "Access-Control-Allow-Origin" not in lesson.visitor().get("/").headers, "only /api/ was opened"
