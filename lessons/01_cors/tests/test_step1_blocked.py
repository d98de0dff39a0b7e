"""Step 1: the page has an origin of its own, and the browser hides from it what the server answers."""


def test_the_page_comes_from_one_origin_and_knows_the_api_on_another(lesson):
    page = lesson.program().get(lesson.page)
    config = lesson.program().get(f"{lesson.page}/config.js")

    assert "text/html" in page.headers["Content-Type"], "create_page should answer with page/index.html"
    assert lesson.api in config.text, "/config.js should tell the page where the API is"
    assert lesson.api != lesson.page


def test_the_browser_hides_an_answer_that_the_server_has_given(lesson, alice):
    answer = alice.fetch(f"{lesson.api}/")

    assert answer.blocked, "without permission, the page should get no answer to read"
    assert " 200 " in lesson.requests("GET", "/")[-1], "yet the server's log should show that it answered"
    assert any("CORS" in line for line in alice.console), "the browser's console should say why"


def test_a_program_reads_what_the_browser_hides(lesson):
    assert lesson.program().get("/").status_code == 200, "curl should read the answer: CORS is the browser's affair"
