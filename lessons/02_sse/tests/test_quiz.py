"""The quick questions of the notes: what the running lesson and a real browser say to each option."""

from course import labs
from course.served import Cable

LISTEN = """address => new Promise(heard => {
    new EventSource(address).addEventListener("question_asked", () => heard());
})"""
HEARD = """address => new Promise(end => {
    const stream = new EventSource(address), heard = [];
    stream.addEventListener("question_asked", event => heard.push(event.data));
    stream.onerror = () => { stream.close(); end(heard); };
})"""  # the data of all events until the stream ends


def ask(lesson, text):
    assert lesson.program().post("/api/questions", json={"text": text}).status_code == 201


def an_event(lesson):
    """The lines of a stream that begins with one event, and that event's number."""
    ask(lesson, "What is an event?")
    number = lesson.newest()
    with lesson.program().stream("GET", "/stream", params={"last_event_id": number - 1}) as answer:
        lines = answer.iter_lines()
        return [next(lines) for _ in ("retry", "id", "event", "data", "empty")], number


def test_question_1_the_browser_sends_the_id_when_it_comes_back(quiz, lesson, alice):
    lines, number = an_event(lesson)
    values = dict(line.split(": ", 1) for line in lines if line)
    with Cable(lesson.places[0]) as cable:
        address = f"http://localhost:{cable.own}/stream?last_event_id={number - 1}"
        with alice.page.expect_response(address) as first:
            alice.does(LISTEN, address)
        with alice.page.expect_response(address, timeout=10_000) as again:
            cable.cut()
            cable.mend()
        before, after = (answer.value.request.all_headers().items() for answer in (first, again))
        new = [value for _, value in after - before]

    assert {option: values[option.strip("`:")] in new for option in quiz[1].options} == quiz[1].claims


def test_question_2_the_empty_line_hands_the_event_to_the_page(quiz, lesson, alice):
    lines, _ = an_event(lesson)
    until = {
        "The `event:` line, which says what it is": 3,
        "The `data:` line, as soon as it is complete": 4,
        "The empty line": 5,
    }

    def hears(count):
        body = "".join(f"{line}\n" for line in lines[:count])
        alice.page.route("**/cut", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
        return bool(alice.does(HEARD, f"{lesson.page}/cut"))

    assert {option: hears(count) and not hears(count - 1) for option, count in until.items()} == quiz[2].claims


def test_question_3_the_page_gets_the_first_line(quiz, lesson, window):
    lab = labs.labs(lesson.lesson)["newline_injection"]
    with labs.serve(lab, "broken") as server:  # it writes its stream by hand, in just this way
        heard = window(server.url).does(HEARD, f"{server.url}/stream?text=one%0Atwo")

    assert quiz[3].claims == {
        "The first line of the text": heard == ["one"],
        "Both lines, with the line break": heard == ["one\ntwo"],
        "An event for each line": heard == ["one", "two"],
    }


def test_question_4_without_redis_the_others_see_it_a_second_later(quiz, lesson, alice):
    assert alice.shows(alice.page.get_by_text("live", exact=True), within=5)
    with lesson.redis_stopped():
        ask(lesson, "Is anybody notified?")
        without = alice.sees("Is anybody notified?", within=4)
    with_it = without or alice.sees("Is anybody notified?", within=4)
    alice.page.reload()

    assert alice.sees("Is anybody notified?", within=5)
    assert quiz[4].claims == {
        "When Redis is back": with_it and not without,
        "After a second or so, Redis or not": without,
        "When they are loaded again": not with_it,
    }
