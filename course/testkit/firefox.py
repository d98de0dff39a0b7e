"""Firefox, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/), which it speaks itself."""

import contextlib
import itertools
import json
import shutil

from websocket import create_connection

from ..processes import Process, free_port, wait_for


def command():
    """Where Firefox is; None if it is not installed."""
    return shutil.which("firefox-esr") or shutil.which("firefox")


class Firefox:
    """A Firefox without a window of its own; `complaints` are the errors in its consoles."""

    def __init__(self, folder):
        self.port, self.numbers, self.complaints = free_port(), itertools.count(1), []
        self.process = Process(
            command(), "--headless", "--no-remote", "--profile", str(folder), f"--remote-debugging-port={self.port}"
        )

    def __enter__(self):
        assert self.process.printed("WebDriver BiDi listening", within=30), self.process.lines
        address = f"ws://127.0.0.1:{self.port}/session"
        self.socket = create_connection(address, timeout=20, suppress_origin=True)  # it lets in no page
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded"])
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.process.stop()

    def call(self, method, **params):
        """The result of a command. Raises RuntimeError."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := json.loads(self.socket.recv())).get("id") != number:
            if answer["params"].get("level") == "error":
                self.complaints.append(answer["params"]["text"])
        if answer["type"] == "error":
            raise RuntimeError(f"{method}: {answer['message']}")
        return answer["result"]

    @contextlib.contextmanager
    def window(self, url):
        """A page of somebody else, with cookies of its own, for the time of the block."""
        user = self.call("browser.createUserContext")["userContext"]
        page = self.call("browsingContext.create", type="tab", userContext=user)["context"]
        self.call("browsingContext.navigate", context=page, url=url, wait="complete")
        yield FirefoxWindow(self, page)
        self.call("browser.removeUserContext", userContext=user)


class FirefoxWindow:
    """One person's page in Firefox, used by mouse and keyboard."""

    def __init__(self, firefox, page):
        self.firefox, self.page = firefox, page

    def call(self, method, **params):
        return self.firefox.call(method, context=self.page, **params)

    def find(self, role, name):
        """What has this role and name for a screen reader, as soon as it is there."""
        locator = {"type": "accessibility", "value": {"role": role, "name": name}}
        found = wait_for(5, lambda: self.call("browsingContext.locateNodes", locator=locator)["nodes"])
        assert found, f"there is no {role} called {name}"
        return {"type": "element", "element": {"sharedId": found[0]["sharedId"]}}

    def press(self, role, name):
        click = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self.call("browsingContext.activate")  # only one page at a time can have the focus
        moves = [{"type": "pointerMove", "x": 0, "y": 0, "origin": self.find(role, name)}, *click]
        self.call("input.performActions", actions=[{"type": "pointer", "id": "mouse", "actions": moves}])

    def types(self, text):
        keys = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self.call("input.performActions", actions=[{"type": "key", "id": "keyboard", "actions": keys}])

    def sees(self, text, within=5):
        """Whether the page shows this text before so many seconds are over."""
        script = f"document.body.innerText.includes({json.dumps(text)})"
        how = {"expression": script, "target": {"context": self.page}, "awaitPromise": False}
        return wait_for(within, lambda: self.firefox.call("script.evaluate", **how)["result"]["value"])
