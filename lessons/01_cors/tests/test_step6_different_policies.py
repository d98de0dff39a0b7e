"""Step 6: a blueprint that every page may read, and a single view with a policy of its own."""


def test_any_page_may_read_the_widget(lesson, stranger):
    answer = lesson.visitor(stranger.origin).get("/widget/top")

    assert answer.headers.get("Access-Control-Allow-Origin") == "*", "the widget should be open to all"
    assert "Access-Control-Allow-Credentials" not in answer.headers, "but take no cookies"
    assert lesson.lesson.name not in answer.headers.get("Set-Cookie", ""), "and give none of ours"


def test_the_widget_shows_the_three_questions_with_the_most_votes(lesson):
    asker = lesson.visitor()
    for number in (3, 4, 5, 6):
        location = asker.post("/api/questions", json={"text": f"Question {number}"}).headers["Location"]
        for _ in range(number):
            lesson.visitor().put(f"{location}/vote")

    top = lesson.visitor().get("/widget/top").json()

    assert [question["text"] for question in top] == ["Question 6", "Question 5", "Question 4"]
    assert "mine" not in top[0], "what is the same for everybody needs no cookie"


def test_a_script_in_somebody_elses_page_reads_the_widget_without_cookies(lesson, mallory):
    assert mallory.fetch(f"{lesson.api}/widget/top").status == 200
    assert mallory.fetch(f"{lesson.api}/widget/top", credentials="include").blocked, "* and cookies exclude each other"


def test_the_export_is_open_and_its_neighbours_are_not(lesson, stranger):
    visitor = lesson.visitor(stranger.origin)
    export, neighbour = visitor.get("/export/questions.csv"), visitor.get("/export/anything.csv")

    assert export.headers.get("Access-Control-Allow-Origin") in {"*", stranger.origin}
    assert export.headers.get("Access-Control-Expose-Headers") == "Content-Disposition"
    assert export.text.startswith("id,text,author,votes,answered,asked_at")
    assert "Access-Control-Allow-Origin" not in neighbour.headers, "@cross_origin opens one view"
