"""Lesson 1 on a projector: what a browser keeps from a page, what a server may allow it, and what CORS is not."""

from course.demo import exchange
from course.processes import wait_for

ALLOW = "Access-Control-Allow-Origin"
QUESTION = "What is an origin?"


def two_origins(stage):
    """The page and its API are two origins: scheme and host are the same, the port is not."""
    config = stage.program().get(f"{stage.page}/config.js")
    assert stage.api in config.text, "the page should know where the API is"
    yield f"The page\t{stage.page}"
    yield f"The API\t{stage.api}"
    yield f"/config.js\t{config.text.strip()}"


def blocked(stage):
    """A script in our own page asks the API for /: the server answers, and the browser keeps the answer."""
    (log,) = logged(stage, "/", ["GET"], lambda: blocked_for(stage.bob, f"{stage.api}/"))
    yield f"API's log\t{log}"
    yield f"Console\t{console(stage.bob)}"


def a_program_reads_it(stage):
    """A program asks for the same, and reads it: nobody hides anything from curl, because curl is not a browser."""
    answer = stage.program().get("/")
    assert answer.is_success and ALLOW not in answer.headers, "a program should need no permission"
    yield from exchange(answer, ALLOW)
    yield f"< {answer.text.strip()}"


def one_door_is_open(stage):
    """Under /api/ each answer names the page's origin, so the browser hands the list over."""
    stage.alice.ask(QUESTION, "Alice")
    assert stage.alice.sees(QUESTION, within=5), "alice should see her question"
    answer = stage.visitor().get("/api/questions")
    assert answer.headers.get(ALLOW) == stage.page, "the answer should name the page's origin"
    yield from exchange(answer, "Origin", ALLOW, "Vary")
    yield "Alice has asked something. Press Refresh on the page: there it is."


def mallory_asks_too(stage):
    """A page on another origin asks for the same list: it is answered as well, and its browser keeps the answer."""
    path = "/api/questions?from=mallory"
    (log,) = logged(stage, path, ["GET"], lambda: blocked_for(stage.mallory, stage.api + path))
    yield f"Mallory at\t{stage.stranger.origin}"
    yield f"API's log\t{log}"
    yield f"Console\t{console(stage.mallory)}"


def the_browser_asks_first(stage):
    """Bob votes: before the PUT, his browser asks on its own whether it may. That is the preflight."""
    stage.bob.refresh()
    assert stage.bob.sees(QUESTION, within=5), "bob should see alice's question"
    vote = vote_for(stage, QUESTION)
    yield from logged(stage, vote, ["OPTIONS", "PUT"], lambda: stage.bob.click("Vote for", QUESTION))
    yield from exchange(stage.preflight(vote, "PUT"), "Access-Control-Request-Method", "Access-Control-Allow-Methods")


def the_browser_remembers(stage):
    """He takes his vote back: no OPTIONS this time, for he may keep the answer for ten minutes."""
    button = stage.bob.question(QUESTION).locator("[data-verb=vote]")
    yield from logged(stage, vote_for(stage, QUESTION), ["DELETE"], button.click)
    kept = stage.preflight(vote_for(stage, QUESTION), "DELETE").headers.get("Access-Control-Max-Age")
    assert kept == "600", "the answer to a preflight should say how long it may be kept"
    yield f"The answer he keeps said\tAccess-Control-Max-Age: {kept}"


def whose_question(stage):
    """The cookie goes from one origin to the other: so Alice's browser may change her question, and Bob's may not."""
    for name, window, may in (("Alice", stage.alice, True), ("Bob", stage.bob, False)):
        answer = window.fetch(f"{stage.api}/api/questions", credentials="include")
        assert ('"mine":true' in answer.text) is may, "the question should be alice's, and nobody else's"
        buttons = window.question(QUESTION).locator(".own button:visible").all_inner_texts()
        yield f'{name}\t"mine":{str(may).lower()}, {" · ".join(buttons) or "no buttons"}'
    answer = stage.visitor().get("/api/questions")
    assert answer.headers.get("Access-Control-Allow-Credentials") == "true", "cookies should be allowed"
    yield from exchange(answer, "Access-Control-Allow-Credentials")


def a_cookie_at_home(stage):
    """Without credentials: "include" the cookie stays at home, and even Alice is nobody."""
    for credentials, known in (("include", True), ("omit", False)):
        answer = stage.alice.fetch(f"{stage.api}/api/questions", credentials=credentials)
        assert ('"mine":true' in answer.text) is known, "with her cookie alice should be known, without it not"
        yield f'fetch(…, {{credentials: "{credentials}"}})\t"mine":{str(known).lower()}'


def another_name(stage):
    """127.0.0.1 is the same machine, but another origin and another site: the page is there, and gets nothing."""
    elsewhere = stage.window(stage.page.replace("localhost", "127.0.0.1"))
    refusal = "the browser hid its answer from this page"
    assert elsewhere.sees(refusal, within=5), "the page should say that it gets no answer"
    yield f"The address\t{elsewhere.page.url}"
    yield f"The page\t{elsewhere.page.get_by_text(refusal).first.inner_text()}"
    yield f"Console\t{console(elsewhere)}"
    elsewhere.page.close()


def headers_to_read(stage):
    """The server sends both headers; a script reads the one that is exposed, and not the other."""
    seen = stage.bob.fetch(f"{stage.api}/api/questions").headers
    assert "x-total-count" in seen and "vary" not in seen, "a script should read what is exposed, and nothing else"
    yield from exchange(stage.visitor().get("/api/questions"), "X-Total-Count", "Vary", "Access-Control-Expose-Headers")
    yield f'The script\theaders.get("X-Total-Count") is {seen["x-total-count"]}, headers.get("Vary") is null'


def a_widget_for_all(stage):
    """The widget is open to every page in the world, so Mallory's page may show it."""
    answer = stage.mallory.fetch(f"{stage.api}/widget/top")
    assert answer.status == 200 and QUESTION in answer.text, "mallory's page should read the widget"
    yield from exchange(stage.visitor(stage.stranger.origin).get("/widget/top"), "Origin", ALLOW)
    yield f"She reads\t{answer.text.strip()}"


def but_no_cookies(stage):
    """She asks again, with cookies: "every page" and "with your cookies" exclude each other."""
    blocked_for(stage.mallory, f"{stage.api}/widget/top", credentials="include")
    yield f"Console\t{console(stage.mallory)}"


def a_forged_request(stage):
    """Bob opens Mallory's page, which sends a question in his name: CORS stops no request, so the server says no."""
    forged = {"method": "POST", "mode": "no-cors", "credentials": "include", "body": '{"text": "Mallory rules"}'}
    tab, path = stage.another_tab(stage.bob, stage.stranger.origin), "/api/questions?from=a-trap"
    yield from logged(stage, path, ["POST"], lambda: tab.fetch(stage.api + path, **forged))
    refused = stage.visitor(stage.stranger.origin).post("/api/questions", json={"text": "Mallory rules"})
    assert refused.status_code == 403 and "Mallory rules" not in stage.program().get("/api/questions").text
    yield from exchange(refused, "Origin")
    yield f"< {refused.text.strip()}"


def vote_for(stage, text):
    """The address of a vote for a question."""
    found = {each["text"]: each["id"] for each in stage.program().get("/api/questions").json()}
    return f"/api/questions/{found[text]}/vote"


def logged(stage, path, methods, do):
    """What the API's log says of a path, from the first quote on, when somebody does this: these methods, no others."""
    before = len(stage.served.api.lines)
    do()

    def found():
        lines = [line[line.index('"') :] for line in stage.served.api.lines[before:] if f" {path} HTTP" in line]
        return lines if len(lines) >= len(methods) else None

    lines = wait_for(5, found) or []
    assert [line.split()[0].strip('"') for line in lines] == methods, f"the log should have {methods} and has {lines}"
    return lines


def blocked_for(window, url, **options):
    window.console.clear()
    assert window.fetch(url, **options).blocked, f"the browser should keep the answer of {url} from the script"


def console(window):
    """What the browser says of CORS in its console."""
    assert wait_for(2, lambda: any("CORS" in line for line in window.console)), "the console should say why"
    return next(line for line in window.console if "CORS" in line).removeprefix("error: ")
