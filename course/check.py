"""Which step of a lesson comes next in a learner's copy: its step tests in order, told in the learner's words."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import socketio

from . import services
from .mine import shown
from .processes import Trouble

ONE_CLIENT = "not NodeSocket and not polling"  # of the four ways to be a Socket.IO client
TOO_LATE = (httpx.TimeoutException, TimeoutError)
ANSWERING, STARTING = "dispatch_request|trigger_event", "_run_code|_call_with_frames_removed"  # what Python is in then
WORDS = {  # the left side and the right side of a comparison that did not hold
    " == ": "{0}, where {1} was expected",
    " is not ": "{0}",
    " is ": "{0}, where {1} was expected",
    " not in ": "{0} is there, in {1}",
    " in ": "{0} is missing in {1}",
    " <= ": "{1}, where at least {0} was expected",
}


@dataclass
class Found:
    """Where a learner stands: the steps done, and of the next one what should be seen, and what was instead."""

    done: list[int] = field(default_factory=list)
    step: int | None = None
    should: str = ""
    seen: str = ""
    said: str = ""  # by the server: the place and the error
    asked: str = ""  # by which line of which test


def check(lesson, copy, steps, tell):
    """Run the tests of some steps of a lesson against a copy of it, until one fails; gives a Found.

    `tell(step)` hears of each step that is done, when it is. Raises Trouble when nothing can run at all: a syntax
    error, or an app that does not start.
    """
    must_be_python(copy.folder)
    watcher = Watcher(copy, tell)
    files = [next((lesson.folder / "tests").glob(f"test_step{step}_*.py")) for step in steps]
    options = ["-x", "-p", "no:terminal", "-p", "no:cacheprovider", "-k", ONE_CLIENT, f"--against={copy.folder}"]
    options += [] if services.chromium() else ["--no-browser"]
    code = pytest.main([*options, *map(str, files)], plugins=[watcher])
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if watcher.trouble:
        raise Trouble(watcher.trouble)
    if code == pytest.ExitCode.OK:
        watcher.finish()
    elif watcher.found.step is None:
        raise Trouble(f"The tests did not run. Please report what this says: pytest {shown(files[0])}")
    return watcher.found


def must_be_python(folder):
    """Raises Trouble for the first file that Python cannot read, with its line."""
    for path in sorted(folder.rglob("*.py")):
        try:
            compile(path.read_bytes(), path, "exec", dont_inherit=True)
        except SyntaxError as error:
            place, line = f"{shown(path)}, line {error.lineno or 1}", (error.text or "").strip()
            raise Trouble(f"{place}: Python cannot read this: {error.msg}.\n    {line}") from None
        except ValueError as error:
            raise Trouble(f"{shown(path)}: Python cannot read this: {error}.") from None


class Watcher:
    """A plugin that looks over pytest's shoulder."""

    def __init__(self, copy, tell):
        self.copy, self.tell = copy, tell
        self.found, self.trouble = Found(), ""
        self.current, self.heard = None, {}  # how much each process had said when the test began

    def pytest_runtest_logstart(self, nodeid):
        step = int(re.search(r"/test_step(\d+)", nodeid)[1])
        if step != self.current:
            self.finish()
            self.current = step

    def finish(self):
        """The step whose tests ran until now is done."""
        if self.current is not None:
            self.found.done.append(self.current)
            self.tell(self.current)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item):
        self.heard = {process: len(process.lines) for process in self.processes(item)}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        if report.failed and self.found.step is None and not self.trouble:
            error = call.excinfo.value
            if isinstance(error, Trouble):
                if place := blamed(error.lines, self.copy.folder):
                    self.trouble = f"Your app does not start. {place}"
                elif place := stuck(error.lines, self.copy.folder, STARTING):
                    self.trouble = f"Your app does not start: nobody listens at its port. {place}"
                else:
                    self.trouble = str(error)
            else:
                self.look(item, call.excinfo)
        return report

    def look(self, item, excinfo):
        """Write down what a failed test wanted, and what it met."""
        found, error = self.found, excinfo.value
        name, _, which = item.name.removesuffix("]").partition("[")
        sentence = name.removeprefix("test_").replace("_", " ") + (f" ({which})" if which else "")
        message, seen = told(error)
        found.step, found.seen = self.current, seen
        found.should = f"{sentence}\n{message}" if message else sentence
        news = [line for each in self.processes(item) for line in each.lines[self.heard.get(each, 0) :]]
        found.said = blamed(news, self.copy.folder)
        if not found.said and (is_too_late(error) or self.is_silent(item)):
            found.said = self.stuck(item)
        entry = [entry for entry in excinfo.traceback if Path(entry.path) == item.path][-1:]
        found.asked = f"{shown(item.path)}, line {entry[0].lineno + 1 if entry else item.location[1] + 1}"

    def processes(self, item):
        """Those that serve the lesson under test: its API, or the workers, and its page."""
        under_test = served(item)
        if not under_test:
            return []
        api, page = under_test.served.api, under_test.served.page
        return [*getattr(api, "workers", {None: api}).values(), *([page] if page else [])]

    def is_silent(self, item):
        """Whether the API answers nobody any more, though it listens: one hangs, and holds up all."""
        try:
            return served(item) and httpx.get(served(item).api, timeout=3) is None
        except httpx.TransportError as error:
            return isinstance(error, httpx.TimeoutException)

    def stuck(self, item):
        """Where a request hangs, if that can be seen. It ends the server."""
        for process in self.processes(item):
            heard = len(process.lines)
            process.abort()
            if place := stuck(process.lines[heard:], self.copy.folder, ANSWERING):
                return place
        return ""


def served(item):
    """The lesson that a test was given, or None."""
    return next((item.funcargs[name] for name in ("lesson", "fleet") if name in item.funcargs), None)


def told(error):
    """What the test says should be seen, if it does, and what was seen instead."""
    text = str(error).strip()
    first = text.partition("\n")[0]
    if isinstance(error, AssertionError):
        message, _, compared = re.match(r"(.*?)(^assert |\Z)(.*)", text, re.S | re.M).groups()
        if not compared:  # the kit says what it met
            return "", message.strip()
        return message.strip(), compared_in_words(compared)
    if is_too_late(error):
        return "", f"no answer in time ({short(first) or type(error).__name__})"
    if isinstance(error, KeyError):
        return "", f"the answer has no {error}"
    if isinstance(error, IndexError):
        return "", "nothing like it"
    if isinstance(error, socketio.exceptions.ConnectionError):
        return "", f"the Socket.IO client was not let in: {first}"
    if isinstance(error, httpx.TransportError):
        return "", f"nobody answers at {error.request.url}"
    if isinstance(error, ValueError) and "JSON" in type(error).__name__:
        return "", "the answer is not JSON"
    return "", short(f"{type(error).__name__}: {first}")


def compared_in_words(compared):
    """What pytest shows of a comparison that did not hold: `None == 'true'`, and where the values come from."""
    first, *details = re.sub(r"<[^<>]+ at 0x\w+>", "…", compared).splitlines()
    origin = re.search(r"where .+? = (.+)", "\n".join(details))
    if origin and re.match(r"(shows|sees|holds|becomes)\w*\(", origin[1]):
        text = re.match(r"sees\((['\"].+?['\"])[,)]", origin[1])
        return f"the page does not show {text[1] if text else 'it'}"
    if origin and (waited := re.match(r"wait_for\((\d+)", origin[1])):
        return f"it is not so, even after {waited[1]} s"
    header = re.match(r"get\('([^']+)'", origin[1]) if origin else None
    where = f"{header[1]}: " if header else ""
    first = first[1:-1] if re.fullmatch(r"\(.*\)", first) else first
    for sign, words in WORDS.items():
        left, found, right = first.partition(sign)
        if found and not first.startswith("("):
            return where + words.format(short(left), short(right))
    return where + short(f"{origin[1]} is {first}" if origin else f"{first} does not hold")


def is_too_late(error):
    return isinstance(error, TOO_LATE) or "Timeout" in f"{type(error).__name__} {error}"  # Playwright has its own


def short(text, most=200):
    return text if len(text) <= most else text[:most] + "…"


def blamed(lines, folder):
    """The last error in some lines of a log, and the line of the learner's file that it came from; empty if none."""
    starts = [number for number, line in enumerate(lines) if "Traceback (most recent call last)" in line]
    part = lines[starts[-1] + 1 :] if starts else []
    places = [place for line in part if (place := place_in(line, folder))]
    errors = [line for line in part if re.match(r"[\w.]+(:|$)", line)]
    return ": ".join([*places[-1:], *errors[:1]])


def place_in(line, folder):
    """`File "/…/my/01_cors/api.py", line 40, in about` in short, if the file is in the folder."""
    found = re.search(r'File "(.+?)", line (\d+)', line)
    return f"{shown(found[1])}, line {found[2]}" if found and Path(found[1]).is_relative_to(folder) else ""


def stuck(lines, folder, at):
    """Where in the learner's code a process stood when `abort` ended it, at such work; empty if it was elsewhere."""
    for thread in re.split(r"^(?:Current thread|Thread) .*$", "\n".join(lines), flags=re.M)[1:]:
        places = [place for line in thread.splitlines() if (place := place_in(line, folder))]
        if places and re.search(at, thread):
            return f"{places[0]}: it hangs here"
    return ""
