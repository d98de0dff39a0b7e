"""The quick questions of the notes: what the running lesson and a real browser say to each option."""

import re


def test_question_1_the_browser_looks_for_access_control_allow_origin(quiz, lesson, alice, mallory):
    answers = []
    for person, path in [
        (alice, "/"),
        (alice, "/api/questions"),
        (mallory, "/api/questions"),
        (mallory, "/widget/top"),
    ]:
        may_read = not person.fetch(f"{lesson.api}{path}").blocked
        answers.append((lesson.visitor(person.page.evaluate("origin")).get(path).headers, may_read))

    def decides(header):
        return all((header.strip("`") in headers) == may_read for headers, may_read in answers)

    assert {option: decides(option) for option in quiz[1].options} == quiz[1].claims


def test_question_2_a_form_is_sent_without_a_preflight(quiz, lesson, alice):
    requests = {
        "`GET` with the header `X-Class: 7a`": {"method": "GET", "headers": {"X-Class": "7a"}},
        "`PUT` with no body": {"method": "PUT"},
        "`POST` with JSON": {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": "{}"},
        "`POST` with a form": {
            "method": "POST",
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
            "body": "text=x",
        },
    }
    first = {}
    for number, (option, request) in enumerate(requests.items()):
        address = f"/api/questions?try={number}"
        alice.fetch(f"{lesson.api}{address}", **request)
        first[option] = lesson.served.api.printed(re.escape(f"{address} HTTP"))[0]

    assert {option: "OPTIONS" not in line for option, line in first.items()} == quiz[2].claims


def test_question_3_the_api_gets_what_it_has_not_allowed(quiz, lesson, mallory):
    answer = mallory.fetch(f"{lesson.api}/api/questions?from=elsewhere", method="POST", body="a plain text")
    arrived = bool(lesson.requests("POST", "/api/questions?from=elsewhere"))

    assert quiz[3].claims == {
        "The API gets it, but the page cannot read the answer": arrived and bool(answer.blocked),
        "The browser does not send it": not arrived,
        "The API gets it, and the page reads why it was refused": arrived and not answer.blocked,
    }


def test_question_4_another_port_is_the_same_site(quiz, lesson, stranger, alice):
    alice.ask("Do I have a cookie now?")
    assert alice.sees("Do I have a cookie now?")

    def brings_the_cookie(page):
        alice.page.goto(re.sub(r"\d+$", stranger.origin.rpartition(":")[2], page.strip("`")))
        with alice.page.expect_response(f"{lesson.api}/**") as answer:  # with no-cors it is seen, though not read
            alice.fetch(f"{lesson.api}/api/questions", credentials="include", mode="no-cors")
        return lesson.lesson.name in answer.value.request.all_headers().get("cookie", "")

    assert {option: brings_the_cookie(option) for option in quiz[4].options} == quiz[4].claims


def test_question_5_curl_reads_what_no_page_may(quiz, lesson, alice, mallory):
    paths = [path for path in ("/", "/api/questions", "/widget/top") if lesson.program().get(path).status_code == 200]
    by_mallory, by_alice = ([p for p in paths if not who.fetch(lesson.api + p).blocked] for who in (mallory, alice))

    assert quiz[5].claims == {
        "Every page": by_mallory == paths,
        "The board's page": by_alice == paths,
        "Perhaps none": bool(set(paths) - set(by_alice) - set(by_mallory)),
    }
