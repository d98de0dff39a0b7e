"""A lesson's story for a room, act by act: each says one sentence, does one thing, and shows what was seen of it.

The acts of a lesson are the generators in its demo.py, in the order in which they stand. The docstring is the sentence.
An act takes the stage, yields the lines to show, and raises when something is not to be seen.
"""

import contextlib
import functools
import importlib.util
import inspect
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Error, sync_playwright
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from . import services
from .processes import Trouble
from .served import LessonUnderTest
from .testkit.people import Stranger, Window, launch

WORKERS = 3  # that serve a lesson which knows several
PATIENCE = 15  # seconds a browser may take for what it is told to do
LONGEST = 240  # characters of a line, for a room reads no more


class Missing(Exception):
    """What an act needs and this machine lacks: then its rest is left out, and the others are played."""


class Stage(LessonUnderTest):
    """A lesson at its usual ports with a database of its own, as it is outside of tests, and its people."""

    page_later = False  # the instructor's browser opens the page

    def __init__(self, lesson, folder, api_port, page_port, wire):
        super().__init__(lesson, folder, workers=WORKERS if lesson.has_workers else None)
        self.ports, self.wire = (api_port, page_port), wire
        self.env = {name: value for name, value in self.env.items() if not name.endswith("_LIMIT")}
        self.homes, self.visitors = {}, {}  # of those who sign in, by name

    @functools.cached_property
    def alice(self):
        """Alice's browser, at the lesson's page; its window is hidden, and the instructor's shows what she does."""
        return self.window(self.page)

    @functools.cached_property
    def bob(self):
        """Bob's browser, at the lesson's page."""
        return self.window(self.page)

    @functools.cached_property
    def mallory(self):
        """Mallory's browser, at a page of her own."""
        return self.window(self.stranger.origin)

    @functools.cached_property
    def stranger(self):
        """A page that somebody else serves."""
        return self.parts.enter_context(Stranger())

    @functools.cached_property
    def playwright(self):
        """What leads browsers; it ends them too."""
        return self.parts.enter_context(sync_playwright())

    @functools.cached_property
    def chromium(self):
        part = services.chromium()
        if part is None:
            raise Missing("it needs a Chromium, and there is none: python3 -m course doctor says how to get one.")
        ours = dict.fromkeys(("handle_sigint", "handle_sigterm", "handle_sighup"), False)  # these are for this process
        try:
            return launch(self.playwright, part, **ours)
        except Error as error:
            raise Missing(f"it needs a Chromium, and {part.command[0]} does not start.") from error

    def window(self, url):
        """Somebody's browser at that address, with cookies of its own."""
        profile = self.chromium.new_context()
        profile.set_default_timeout(1000 * PATIENCE)
        return Window(profile.new_page(), url)

    def at_home(self, name, room):
        """The browser in which somebody has signed in, at a room: always the same one."""
        if name not in self.homes:
            self.homes[name] = self.window(f"{self.page}#{room}")
            self.homes[name].sign_in(name)
            assert self.homes[name].sees(f"Signed in as {name}", within=10), f"{name} should be signed in"
        return self.homes[name]

    def signed_in(self, name):
        """A visitor who has signed in, by HTTP: always the same one."""
        if name not in self.visitors:
            self.visitors[name] = self.person(name)
        return self.visitors[name]

    def another_tab(self, window, url):
        """One more tab of somebody's browser, with the same cookies."""
        return Window(window.page.context.new_page(), url)


@contextlib.contextmanager
def stage(lesson, api_port, page_port, wire=None):
    """The stage for a lesson's acts, with a `wire` between its parts; nothing of it is left after the block.

    Raises Trouble.
    """
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        Stage(lesson, Path(folder), api_port, page_port, wire) as ready,
    ):
        yield ready


def acts(lesson):
    """The acts of a lesson, in order; raises Trouble where there is no demo.py."""
    path = lesson.folder / "demo.py"
    if not path.exists():
        raise Trouble(f"Lesson {lesson.number} has no demo: it would be {path.name} in lessons/{lesson.name}.")
    spec = importlib.util.spec_from_file_location(f"demo_{lesson.name}", path)  # the lesson itself is not imported
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = filter(inspect.isgeneratorfunction, vars(module).values())
    return [act for act in found if act.__module__ == module.__name__]


def play(story, stage, out, auto=False, mark=None):
    """Play these acts, and wait for Enter after each; raises Trouble when one does not show what it says.

    `mark(caption)` writes the sentence of each over what goes over the wire from then on.
    """
    for number, act in enumerate(story, 1):
        out.print()
        out.rule(f"[bold]{number} of {len(story)}[/]", align="left", style="none")
        out.print(f"[bold]{escape(sentence(act))}[/]\n")
        if mark:
            mark(f"{number}. {sentence(act)}")
        try:
            for line in act(stage):
                show(line, out)
        except Missing as missing:
            show(f"The rest of this act is left out: {missing}", out)
        except Trouble:
            raise
        except Exception as error:  # whatever it is, a room is told it in words
            why = str(error).partition("\n")[0] or type(error).__name__
            raise Trouble(f"Act {number} of {len(story)} did not show what it says: {why}") from error
        if not auto:
            wait_for_enter(out, "goes on" if number < len(story) else "ends it")


def sentence(act):
    return " ".join(act.__doc__.split())


def show(line, out):
    """Print a line as it is: what stands before a tab is a label, what comes from the server (<) is coloured."""
    line = line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
    label, _, said = line.rpartition("\t")
    table = Table.grid(padding=(0, 2))
    if label:
        table.add_column(min_width=13)
    table.add_column(overflow="fold")
    table.add_row(*[Text(label)] * bool(label), Text(said, "green" if said.startswith("<") else ""))
    out.print(Padding(table, (0, 0, 0, 2)))


def wait_for_enter(out, what):
    out.print(f"\n[dim]Enter {what}, Ctrl-C stops.[/] ", end="")
    if not sys.stdin.readline():
        raise KeyboardInterrupt  # there is nobody to press it


def exchange(answer, *names):
    """The lines of a request and its answer, with those of these headers that are there, and those that are not."""
    request = answer.request
    yield f"> {request.method} {request.url.raw_path.decode()}"
    yield from (f"> {name}: {request.headers[name]}" for name in names if name in request.headers)
    yield f"< {answer.status_code} {answer.reason_phrase}"
    for name in names:
        if name in answer.headers:
            yield f"< {name}: {answer.headers[name]}"
        elif name not in request.headers:
            yield f"(no {name})"
