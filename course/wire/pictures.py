"""Pictures for the notes: what people do is played on a step of a lesson, and drawn as it went over the wire.

A script `lessons/NN/pictures/NAME.py` says in its docstring what one sees, names the STEP and the PEOPLE, and has
`people(lesson, *visitors)`. `python3 -m course pictures N` draws `NAME.svg` beside it.
"""

import importlib.util
import re
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

from .. import steps
from ..served import LessonUnderTest
from .wire import Wire

BY_CHANCE = (
    "204 No Content|connection reset$|disconnect|  close$"  # what comes before the people do anything, or after, or not
)
SVG = "{http://www.w3.org/2000/svg}"
DRAW = """async (story) => {
    const {drawing} = await import("/page/draw.js");
    const all = {first: 0, last: story.shown.length, width: 760, related: new Set(), styled: true};
    return drawing({...story, ...all, nameOf: (lane) => lane}).outerHTML;
}"""


def scripts(lesson):
    """The scripts of a lesson's pictures."""
    return sorted((lesson.folder / "pictures").glob("*.py"))


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def played(lesson, path):
    """What went over the wire while a script was played: {caption, lanes, shown}, as draw.js takes it."""
    script = load(path)
    with (
        steps.made(lesson, script.STEP) as app,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        Wire() as wire,
    ):
        served = LessonUnderTest(app, Path(folder), workers=getattr(script, "WORKERS", None))
        served.wire = wire
        with served:
            visitors = [known(served, name) for name in script.PEOPLE]
            before = at_rest(wire.story)
            script.people(served, *visitors)
            at_rest(wire.story)
            messages = [each for each in wire.story.after(before, within=0) if is_shown(each, script)]
    workers = dict.fromkeys(lane for each in messages for lane in each.lanes if lane.startswith("worker"))
    names = {lane: f"worker {number}" for number, lane in enumerate(workers, 1)}
    shown = []
    for each in messages:
        start, end = (names.get(lane, lane) for lane in each.lanes)
        shown.append(each.as_json() | {"title": timeless(each.title), "from": start, "to": end})
    found = {lane for each in shown for lane in (each["from"], each["to"])}
    order = [*script.PEOPLE, "nginx", *names.values(), "API", "Redis"]
    return {"caption": script.__doc__.strip(), "lanes": [lane for lane in order if lane in found], "shown": shown}


def at_rest(story):
    """The number of the last message, once nothing more comes; workers never rest, so that it takes 3 s at the most."""
    last, until = 0, time.monotonic() + 3
    while (news := story.after(last, within=0.5)) and time.monotonic() < until:
        last = news[-1].number
    return last


def known(lesson, name):
    """Somebody whose cookie the API knows, and the wire the name; from lesson 4 on they have signed in."""
    visitor = lesson.visitor()
    visitor.headers["User-Agent"] = name
    if visitor.get("/api/me").is_success:
        assert visitor.post("/api/login", json={"name": name.lower(), "password": "live-flask"}).is_success
    elif visitor.put("/api/browser").status_code == 404:
        visitor.post("/api/questions", json={"text": f"{name} is here."})
    return visitor


def is_shown(message, script):
    """Whether a message is in the picture: no heartbeat, and nothing that the script leaves out."""
    hidden = f"{BY_CHANCE}|{getattr(script, 'HIDES', '$^')}"
    return not message.quiet and not re.search(hidden, str(message))


def timeless(title):
    """A title without what is another one each time."""
    return re.sub(r", \d+ ms| \{.*|\?\d+$", "", title)


def titles(svg):
    """The messages of a picture, one after the other."""
    return [each.text for each in ElementTree.fromstring(svg).iter(f"{SVG}title")][1:]


def draw(lesson, path, window):
    """Draw a script's picture beside it, in a browser's window on the wire's page."""
    svg = window.evaluate(DRAW, played(lesson, path))
    path.with_suffix(".svg").write_text(svg + "\n", encoding="utf-8")
