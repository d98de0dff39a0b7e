"""The test kit: a pytest plugin that serves the lesson under test and brings the people who use it.

A test asks for what it needs: `lesson` (the lesson, served on free ports with a fresh database), `alice` and `bob`
(real browsers on the lesson's page), `mallory` (a real browser on a page of her own, another origin).
"""

import contextlib
import functools
import re

import pytest

from .. import catalogue, labs, processes, services
from ..parts import Parts
from ..quiz import questions
from ..served import LessonUnderTest
from ..witness import COMPLAINTS
from .learner import Learner
from .people import Stranger, Window, launch, note_complaints
from .report import Progress, StepReport

STEPS = ("test_step", "test_contract")  # the files that can judge a copy
FAILED = pytest.StashKey()  # the files in which a test has failed
PEOPLE = {"alice", "bob", "mallory", "chromium"}


def pytest_addoption(parser):
    group = parser.getgroup("course", "Live Flask")
    group.addoption("--against", metavar="PACKAGE", help="Run the step tests on another lesson, or on a folder.")
    group.addoption("--engine", help="Serve the lessons by this engine.")
    group.addoption("--workers", type=int, help="Serve the lessons by so many workers behind nginx.")
    group.addoption("--no-browser", action="store_true", help="Leave out the tests in a real browser.")
    group.addoption("--all", action="store_true", help="The long ones too.")
    group.addoption("--slow", action="store_true", help="Repetitions at full size too.")
    group.addoption("--first", action="store_true", help="When a test has failed, leave out the others of its file.")


def pytest_configure(config):
    config.pluginmanager.register(StepReport(), "course-steps")
    alone = not hasattr(config, "workerinput")  # or the one that leads the others, with pytest-xdist
    if alone and config.pluginmanager.has_plugin("terminal") and hasattr(config, "cache"):
        config.pluginmanager.register(Progress(config), "course-progress")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Leave out, with a word, what was not asked for; what takes longest begins first, so that nobody waits for it."""
    items.sort(key=lambda item: not re.search("test_gates|test_the_commands_print", item.nodeid))
    for item in items:
        if config.getoption("--no-browser") and PEOPLE & set(getattr(item, "fixturenames", [])):
            item.add_marker(pytest.mark.skip(reason="needs a browser: --no-browser was given"))
        if not config.getoption("--slow") and item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="takes long: --slow includes it"))
    if not config.getoption("--all"):
        long = [item for item in items if item.get_closest_marker("long")]
        leave_out(config, items, long)
        if hasattr(config, "workerinput"):
            config.workeroutput["left_out"] = len(long)
        elif progress := config.pluginmanager.get_plugin("course-progress"):
            progress.left_out = len(long)
    if config.getoption("--engine"):
        leave_out(config, items, [item for item in items if is_the_same_on_each(item)])
    if config.getoption("--against"):
        leave_out(config, items, [item for item in items if not item.path.name.startswith(STEPS)])


def is_the_same_on_each(item):
    """Whether a test chooses the engine itself, or is served by none: it is run once, and not for each engine."""
    return bool({"engine", "served", "lab"} & set(item.fixturenames)) or item.path.name == "test_inside.py"


def leave_out(config, items, which):
    config.hook.pytest_deselected(items=which)
    items[:] = [item for item in items if item not in set(which)]


def pytest_generate_tests(metafunc):
    """A test that takes `lab` runs once for each lab of its lesson; all that take `lesson`, or `fleet`, share one."""
    path = metafunc.definition.path
    if "lab" in metafunc.fixturenames:
        found = labs.labs(catalogue.Lesson(lesson_folder(path)))
        metafunc.parametrize("lab", found.values(), ids=found)
    served = {"lesson", "fleet"} & set(metafunc.fixturenames) if path.is_relative_to(catalogue.ROOT / "lessons") else ()
    for name in served:
        which = [under_test(metafunc.config, path)]
        metafunc.parametrize(name, which, ids=[pytest.HIDDEN_PARAM], indirect=True, scope="session")


def under_test(config, path):
    """The lesson that a test file is about, or the one `--against` which it is run."""
    return named(config.getoption("--against") or str(lesson_folder(path)))


named = functools.cache(catalogue.named)  # as long as it is the very same, pytest goes on with what is served


def lesson_folder(path):
    """The lesson to which a test file belongs."""
    return next(parent for parent in path.parents if re.match(r"\d\d_", parent.name))


@contextlib.contextmanager
def part(config, name, make):
    """A part of this run; it outlives the run if somebody has brought a place to keep it: see judge.py."""
    kept = config.pluginmanager.get_plugin("course-kept")
    parts = kept or Parts()
    try:
        yield parts.get(name, make)
    finally:
        if not kept:
            parts.let_go(name)


@pytest.fixture(scope="session")
def lesson(request):
    """The lesson under test, served; each process of the tests serves one at a time, with a database of its own."""
    with serve(request, request.config.getoption("--workers")) as served:
        yield served


@pytest.fixture(scope="session")
def fleet(request):
    """The lesson under test, served by two workers behind nginx: `fleet.at(0)` and `fleet.at(1)` go past it."""
    with serve(request, workers=2) as served:
        yield served


def serve(request, workers):
    engine = request.config.getoption("--engine")
    return part(
        request.config, request.fixturename, lambda folder: LessonUnderTest(request.param, folder, engine, workers)
    )


@pytest.fixture(scope="module")
def strict(lesson):
    """One more API on the same board, with limits; and with a Redis of its own, where nobody has done anything yet."""
    limits = {"LOGIN_LIMIT": "5", "GUEST_LIMIT": "5", "ASK_LIMIT": "3", "WHISPER_LIMIT": "2", "READ_LIMIT": "3"}
    limits = {name: f"{most} per minute" for name, most in limits.items()}
    with services.redis(processes.free_port()) as url, lesson.another_api(REDIS_URL=url, **limits) as strict:
        yield strict


@pytest.fixture(autouse=True)
def a_clean_board(request):
    """Each test file begins with no question on the board, and with the settings that the lesson began with."""
    for name in {"lesson", "fleet"} & set(request.fixturenames):
        served = request.getfixturevalue(name)
        if isinstance(served, LessonUnderTest):
            served.begin(request.path)


@pytest.fixture
def learner(tmp_path):
    """Somebody who learns with the course, in a folder of their own."""
    (tmp_path / "node_modules").symlink_to(catalogue.ROOT / "node_modules", target_is_directory=True)
    return Learner(tmp_path / "my")


@pytest.fixture
def quiz(request):
    """The quick questions of the lesson's notes, by number."""
    return questions(catalogue.Lesson(lesson_folder(request.path)))


@pytest.fixture(scope="session")
def chromium(request):
    """A real Chromium, shared by all tests of a run; each person gets a profile of her own."""
    with part(request.config, "chromium", lambda folder: browser()) as found:
        yield found


@contextlib.contextmanager
def browser():
    from playwright.sync_api import sync_playwright

    part = services.chromium()
    assert part, "There is no Chromium for the browser tests: python3 -m course doctor says how to get one."
    with sync_playwright() as playwright:
        found = launch(playwright, part)
        yield found
        found.close()


@pytest.fixture
def window(request, chromium):
    """Opens windows: window(url) is somebody's browser at that address, with a profile of its own."""
    contexts = []
    complaints = request.node.stash.setdefault(COMPLAINTS, [])

    def open_window(url, **profile):
        contexts.append(chromium.new_context(**profile))
        contexts[-1].set_default_timeout(1000 * processes.PATIENCE)
        note_complaints(contexts[-1], complaints)
        return Window(contexts[-1].new_page(), url)

    yield open_window
    for context in contexts:
        context.close()


def pytest_runtest_setup(item):
    if item.config.getoption("--first") and item.path in item.session.stash.get(FAILED, ()):
        pytest.skip("another test of this file has failed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """With a test that failed goes what the people in it had before them."""
    report = yield
    if report.failed:
        item.session.stash.setdefault(FAILED, set()).add(item.path)
    if report.when == "call" and report.failed and not item.config.pluginmanager.has_plugin("course-kept"):
        for name, who in getattr(item, "funcargs", {}).items():
            if isinstance(who, Window):
                report.sections.append((f"The page of {name}", who.shown()))
    return report


@pytest.fixture
def alice(window, lesson):
    """Alice, at the lesson's page."""
    return window(lesson.page)


@pytest.fixture
def bob(window, lesson):
    """Bob, at the lesson's page in another browser."""
    return window(lesson.page)


@pytest.fixture(scope="session")
def stranger():
    """A page somebody else serves, on a third origin."""
    with Stranger() as page:
        yield page


@pytest.fixture
def mallory(window, stranger):
    """Mallory, at a page of her own making."""
    return window(stranger.origin)
