"""The people in the tests: each has a real browser, and does with the page what people do."""

import contextlib
import os
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from ..catalogue import ROOT
from ..processes import bound, wait_for

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
FAULTS = """async () => {
    await Promise.allSettled(document.getAnimations().map(({finished}) => finished));
    const {violations} = await axe.run();
    return violations.map(({help, nodes}) => `${help}: ${nodes.map(({html}) => html)}`);
}"""
FETCH = """async ([address, options, patience]) => {
    try {
        const answer = await fetch(address, {signal: AbortSignal.timeout(patience), ...options});
        return {status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text()};
    } catch (error) {
        if (error.name === "TimeoutError") throw error;
        return {blocked: String(error)};
    }
}"""


def launch(playwright, part, **options):
    """A Chromium without a window of its own, that tells nobody of itself."""
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    env = {**os.environ, **part.env}
    return playwright.chromium.launch(executable_path=part.command[0], args=flags, env=env, **options)


def note_complaints(context, complaints):
    """Write down what a browser complains about: errors in its console, and answers that are refusals."""

    def said(message):
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(f"the browser's console: {message.text}")

    def answered(response):
        if response.status >= 400:
            complaints.append(f"the page was answered {response.status} for {urlsplit(response.url).path}")

    context.on("console", said)
    context.on("weberror", lambda error: complaints.append(f"the browser's console: {error.error}"))
    context.on("response", answered)


@dataclass
class Answer:
    """What a script in a page got: an answer it may read, or, if `blocked`, only the browser's refusal."""

    blocked: str = ""
    status: int = 0
    headers: dict[str, str] | None = None
    text: str = ""


class Window:
    """One person's browser window."""

    def __init__(self, page, url):
        self.page = page
        self.console = []
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        page.goto(url)

    def shown(self):
        """What the page shows now, and what its console said last, as text."""
        from playwright.sync_api import Error

        try:
            return "\n".join([self.page.inner_text("body", timeout=1000), *self.console[-10:]])
        except Error as error:
            return f"It cannot be read: {error}"

    def faults(self):
        """What axe finds on the page now that keeps somebody from using it, by the rules of WCAG 2.2 and ARIA 1.2."""
        if not AXE.exists():
            pytest.skip("axe-core is not there: npm ci brings it")
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        return self.page.evaluate(FAULTS)

    def fetch(self, address, **options):
        """What a script in this page gets from an address, by the browser's own `fetch`. It waits for 5 s."""
        return Answer(**self.page.evaluate(FETCH, [address, options, 1000 * bound(5)]))

    def does(self, script, argument, within=5):
        """What a script in this page, a function of one argument, gives before so many seconds are over."""
        within = bound(within)
        late = f"late(new Error('nothing came within {within:.3g} s'))"
        bounded = (
            f"Promise.race([({script})(argument), new Promise((_, late) => setTimeout(() => {late}, {within}e3))])"
        )
        return self.page.evaluate(f"argument => {bounded}", argument)

    def ask(self, text, author=""):
        self.page.get_by_label("Your question", exact=True).fill(text)
        if author:
            self.page.get_by_label("Your name").fill(author)
        self.page.get_by_role("button", name="Ask", exact=True).click()

    def sign_in(self, name, password="live-flask"):
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def question(self, text):
        """The list's entry with this text."""
        return self.page.get_by_role("list", name="Questions").get_by_role("listitem").filter(has_text=text)

    def click(self, button, text):
        """Press a button of a question: `Vote for`, `Edit`, `Mark as answered`, `Withdraw`."""
        self.page.get_by_role("button", name=f"{button}: {text}").click()

    def opens(self, summary):
        """Open what is folded under these words."""
        self.page.locator("summary").filter(has_text=summary).click()

    def refresh(self):
        """See what others did; a page that is told does not need to ask."""
        button = self.page.get_by_role("button", name="Refresh")
        if button.count():
            button.click()

    @contextlib.contextmanager
    def offline(self):
        """For the time of the block this browser has no network."""
        self.page.context.set_offline(True)
        yield
        self.page.context.set_offline(False)

    @contextlib.contextmanager
    def refused(self, addresses):
        """For the time of the block this browser gets nothing from these addresses (`*` stands for anything)."""
        tools = self.page.context.new_cdp_session(self.page)
        tools.send("Network.enable")
        tools.send("Network.setBlockedURLs", {"urls": [addresses]})
        yield
        tools.send("Network.setBlockedURLs", {"urls": []})

    def sees(self, text, within=2):
        """Whether the page shows this text before so many seconds are over."""
        return self.shows(self.page.get_by_text(text).filter(visible=True).first, within)

    def sees_no_more(self, text, within=2):
        """Whether no question with this text is on the page before so many seconds are over."""
        return self.shows(self.question(text).first, within, "hidden")

    def shows(self, element, within=2, state="visible"):
        """Whether an element is there to be seen before so many seconds are over."""
        from playwright.sync_api import TimeoutError

        try:
            element.wait_for(state=state, timeout=bound(within) * 1000)
        except TimeoutError:
            return False
        return True

    def holds(self, label, text, within=2):
        """Whether the field with this label has this text before so many seconds are over."""
        field = self.page.get_by_label(label, exact=True)
        return wait_for(within, lambda: field.input_value() == text)

    def becomes(self, element, attribute, value, within=2):
        """Whether an element's attribute has this value before so many seconds are over."""
        return wait_for(within, lambda: element.get_attribute(attribute) == value)


class Stranger(ThreadingHTTPServer):
    """An empty page on an origin that nobody invited, though on the same site as the lesson."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), EmptyPage)
        self.origin = f"http://localhost:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<!doctype html><link rel=icon href=data:,><title>Somebody else's page</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
