"""What the tests of one step find in a learner's copy: a plugin of pytest that looks over its shoulder."""

import os
import sys
import tempfile
import threading
import time
import types
from pathlib import Path

os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # of all that is installed, the tests need none

import httpx
import pytest

from . import services
from .blame import ANSWERING, STARTING, blamed, stuck, why_not_started
from .catalogue import step_test
from .mine import shown
from .processes import RUNNING, Trouble, is_busy, wait_for
from .witness import Witness
from .words import Comparisons, told

QUIETLY = ["-x", "-p", "no:terminal", "-p", "no:cacheprovider", "-W", "ignore"]
ONE_CLIENT = "not NodeSocket and not polling"  # of the four ways to be a Socket.IO client
HANGS = 5  # seconds after which a test that has not ended is said to hang, when the time of a check is over


class Tester:
    """A plugin that looks over pytest's shoulder while the tests of one step run, and says what failed."""

    def __init__(self, lesson, copy, parts):
        self.lesson, self.copy, self.parts = lesson, copy, parts
        # A step's tests look from outside, so the lesson's own package, which pytest would load for them, need not be.
        sys.modules[lesson.package] = package = types.ModuleType(lesson.package)
        package.__path__ = [str(lesson.folder)]
        self.witness, self.comparisons = Witness(), Comparisons()
        self.step = self.item = self.finding = None
        self.trouble = ""  # what keeps the app from being tested at all
        self.verdict = False  # whether that on the step at hand is out
        self.since = 0.0  # when the test began
        self.heard = {}  # how much each process had said by then
        self.passed = []  # names of the step's tests that have passed; an earlier check may have run them
        self.total = 0  # how many it has
        self.looking = threading.Lock()  # held by who looks what failed: the time may be over meanwhile

    def test(self, step):
        """Run the tests of a step until one fails; gives what was found."""
        if self.finding:  # what a test left on the board when it failed would be in the way
            for one in self.served:
                one.empty()
        self.step, self.item, self.finding, self.trouble = step, None, None, ""
        self.total = 0
        file = step_test(self.lesson, step)
        options = [*QUIETLY, "-k", ONE_CLIENT, f"--against={self.copy.folder}"]
        options += [f"--basetemp={tempfile.gettempdir()}/pytest"]
        options += [] if services.chromium() else ["--no-browser"]
        code = pytest.main([*options, str(file)], plugins=[self, self.comparisons])
        if any(not process.running for process in self.processes):
            self.parts.let_go("lesson", "fleet")  # one was ended to see where it hangs: the next test needs others
        if self.trouble:
            raise Trouble(self.trouble)
        if self.finding:
            return self.finding
        if code == pytest.ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        nothing_left = code == pytest.ExitCode.NO_TESTS_COLLECTED and self.passed
        if code != pytest.ExitCode.OK and not nothing_left:
            raise Trouble(f"The tests did not run. Please report what this says: pytest {shown(file)}")
        self.passed = []
        return {"found": "passed", "step": step}

    def pytest_configure(self, config):
        config.pluginmanager.register(self.parts, "course-kept")

    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if item.name not in self.passed]

    def pytest_collection_finish(self, session):
        self.total = len(session.items) + len(self.passed)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.item, self.since, self.heard = item, time.monotonic(), {}
        self.comparisons.last = None
        self.witness.begin()
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self):
        self.heard = {process: len(process.lines) for process in self.processes}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        if report.failed and not self.finding and not self.trouble:
            error = call.excinfo.value
            if isinstance(error, Trouble):
                self.trouble = why_not_started(error, self.copy.folder)
            else:
                with self.looking:
                    self.finding = self.failed(call.excinfo)
        elif call.when == "teardown" and not self.finding:
            self.passed.append(item.name)
        return report

    def failed(self, excinfo):
        """What a failed test wanted, and what it met."""
        error = excinfo.value
        message, seen = told(excinfo, self.comparisons.last)
        if isinstance(error, httpx.ConnectError) and not self.copy.has_page:
            seen = f"there is no create_page in {shown(self.copy.folder)}/__init__.py yet, so nobody serves the page"
        unclear = not isinstance(error, AssertionError) or "came within" in seen
        seen = [seen] if isinstance(error, httpx.ConnectError) else [seen, *self.witness.sentences(self.item, unclear)]
        # What the app has printed comes by another way than its answer, and perhaps after it.
        said = wait_for(0.5 if is_busy() else 0.05, lambda: blamed(self.news, self.copy.folder))
        if not said and (self.witness.waits or self.is_silent):
            said = self.where_it_hangs()
        entry = [entry for entry in excinfo.traceback if Path(entry.path) == self.item.path][-1:]
        line = entry[0].lineno if entry else self.item.location[1]
        return self.told(message, seen, said, line + 1)

    def told(self, message, seen, said, line):
        name, _, which = self.item.name.removesuffix("]").partition("[")
        sentence = name.removeprefix("test_").replace("_", " ") + (f" ({which})" if which else "")
        return {
            "found": "failed",
            "step": self.step,
            "should": f"{sentence}\n{message}" if message else sentence,
            "seen": "\n".join(filter(None, seen)) or "this did not happen",
            "said": said,
            "asked": f"{shown(self.item.path)}, line {line}",
        }

    def late(self):
        """What is found when the time is over: the test that runs hangs, or there was too much to do."""
        took = time.monotonic() - self.since
        if self.verdict:
            return {"found": "late"}
        with self.looking:
            if self.finding:
                return self.finding
        if self.item is None or took < (2 * HANGS if is_busy() else HANGS):
            return {"found": "late", "step": self.step, "passed": self.passed}
        seen = [f"the test did not end within {took:.0f} s", *self.witness.sentences(self.item, True)]
        return self.told("", seen, self.where_it_hangs(), self.item.location[1] + 1)

    @property
    def served(self):
        return [self.parts.made[name] for name in ("lesson", "fleet") if name in self.parts.made]

    @property
    def processes(self):
        """Those that serve the lesson under test: its API, or the workers, and its page."""
        return [process for one in self.served for process in [*one.guards, one.served.page] if process]

    @property
    def news(self):
        """What they have said since the test began."""
        return [line for process in self.processes for line in process.lines[self.heard.get(process, 0) :]]

    @property
    def is_silent(self):
        """Whether the API answers nobody any more, though it listens: one request hangs, and holds up all."""
        try:
            for one in self.served:
                httpx.get(one.api, timeout=2)
        except httpx.TransportError as error:
            return isinstance(error, httpx.TimeoutException)
        return False

    def where_it_hangs(self):
        """Where a request hangs, or an app that is being started, if that can be seen. It ends the servers."""
        starting = [] if self.served else [process for process in RUNNING if not process.listening]
        for process in self.processes or starting:
            heard = len(process.lines)
            process.abort()
            if place := stuck(process.lines[heard:], self.copy.folder, STARTING if starting else ANSWERING):
                return place
        return ""
