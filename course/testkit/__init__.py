"""The test kit: a pytest plugin that serves the lesson under test and brings the people who use it.

A test asks for what it needs: `lesson` (the lesson, served on free ports with a fresh database), `alice` and `bob`
(real browsers on the lesson's page), `mallory` (a real browser on a page of her own, another origin).
"""

import re

import pytest

from .. import catalogue, labs, services
from ..quiz import questions
from .people import Stranger, Window, launch
from .report import StepReport
from .served import LessonUnderTest

PEOPLE = {"alice", "bob", "mallory", "chromium"}


def pytest_addoption(parser):
    group = parser.getgroup("course", "Live Flask")
    group.addoption("--against", metavar="PACKAGE", help="Run the step tests on another lesson, or on a folder.")
    group.addoption("--engine", help="Serve the lessons by this engine.")
    group.addoption("--workers", type=int, help="Serve the lessons by so many workers behind nginx.")
    group.addoption("--no-browser", action="store_true", help="Leave out the tests in a real browser.")
    group.addoption("--slow", action="store_true", help="The long ones too.")


def pytest_configure(config):
    config.pluginmanager.register(StepReport(), "course-steps")


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(config, items):
    """Leave out, with a word, what was not asked for."""
    for item in items:
        if config.getoption("--no-browser") and PEOPLE & set(getattr(item, "fixturenames", [])):
            item.add_marker(pytest.mark.skip(reason="needs a browser: --no-browser was given"))
        if not config.getoption("--slow") and item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="takes long: --slow includes it"))
        if {"lesson", "fleet"} & set(getattr(item, "fixturenames", [])):
            item.add_marker(pytest.mark.xdist_group(str(item.path)))  # one process serves a file's tests
    if config.getoption("--against"):
        steps = [item for item in items if item.path.name.startswith(("test_step", "test_contract"))]
        config.hook.pytest_deselected(items=[item for item in items if item not in steps])
        items[:] = steps


def pytest_generate_tests(metafunc):
    """A test that takes `lab` runs once for each lab of its lesson."""
    if "lab" in metafunc.fixturenames:
        found = labs.labs(catalogue.Lesson(lesson_folder(metafunc.definition.path)))
        metafunc.parametrize("lab", found.values(), ids=found)


def lesson_folder(path):
    """The lesson to which a test file belongs."""
    return next(parent for parent in path.parents if re.match(r"\d\d_", parent.name))


def once_for(fixture_name, config):
    """Each test file gets a fresh lesson; another lesson, or a copy, is served once for all of them."""
    return "session" if config.getoption("--against") else "module"


@pytest.fixture(scope=once_for)
def lesson(request, tmp_path_factory):
    """The lesson under test, served with an empty database."""
    with serve(request.config, under_test(request), tmp_path_factory, request.config.getoption("--workers")) as served:
        yield served


@pytest.fixture(scope=once_for)
def fleet(request, tmp_path_factory):
    """The lesson under test, served by two workers behind nginx: `fleet.at(0)` and `fleet.at(1)` go past it."""
    with serve(request.config, under_test(request), tmp_path_factory, workers=2) as served:
        yield served


@pytest.fixture
def quiz(request):
    """The quick questions of the lesson's notes, by number."""
    return questions(catalogue.Lesson(lesson_folder(request.path)))


def under_test(request):
    against = request.config.getoption("--against")
    return catalogue.named(against) if against else catalogue.Lesson(lesson_folder(request.path))


def serve(config, which, tmp_path_factory, workers):
    return LessonUnderTest(which, tmp_path_factory.mktemp("lesson"), config.getoption("--engine"), workers)


@pytest.fixture(scope="session")
def chromium():
    """A real Chromium, shared by all tests of a run; each person gets a profile of her own."""
    from playwright.sync_api import sync_playwright

    part = services.chromium()
    assert part, "There is no Chromium for the browser tests: python3 -m course doctor says how to get one."
    with sync_playwright() as playwright:
        browser = launch(playwright, part)
        yield browser
        browser.close()


@pytest.fixture
def window(chromium):
    """Opens windows: window(url) is somebody's browser at that address, with a profile of its own."""
    contexts = []

    def open_window(url, **profile):
        contexts.append(chromium.new_context(**profile))
        return Window(contexts[-1].new_page(), url)

    yield open_window
    for context in contexts:
        context.close()


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
