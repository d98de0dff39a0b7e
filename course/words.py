"""What a failed test says in a learner's words: what should be seen, and what was seen instead.

The assertion is read as Python (`ast`) and the values come from pytest, so no text is cut apart, and no object of the
tests is shown as it prints itself.
"""

import ast
import operator
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from .witness import short

TESTKIT = Path(__file__).parent / "testkit"
TOO_LATE = (httpx.TimeoutException, TimeoutError)
COMPARE = {  # what a comparison means, and how one that did not hold is told
    "==": (operator.eq, "{left}, where {right} was expected"),
    "!=": (operator.ne, "{left} both times"),
    "<": (operator.lt, "{left}, where less than {right} was expected"),
    "<=": (operator.le, "{left}, where at most {right} was expected"),
    ">": (operator.gt, "{left}, where more than {right} was expected"),
    ">=": (operator.ge, "{left}, where at least {right} was expected"),
    "is": (operator.is_, "{left}, where {right} was expected"),
    "is not": (operator.is_not, "{left}"),
    "in": (lambda part, whole: part in whole, "{left} is missing in {right}"),
    "not in": (lambda part, whole: part not in whole, "{left} is there, in {right}"),
}


class Comparisons:
    """A plugin of pytest: the last comparison that did not hold, with the values of both sides."""

    def __init__(self):
        self.last = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_assertrepr_compare(self, op, left, right):
        if not COMPARE[op][0](left, right):
            self.last = op, left, right


def told(excinfo, comparison):
    """What a failed test says should be seen, and what was seen instead: two texts, each maybe empty.

    `comparison` is the last one that did not hold: its operator, and the values of both sides.
    """
    error, entry = excinfo.value, excinfo.traceback[-1]
    if not isinstance(error, AssertionError):
        return "", other(error)
    message = str(error).partition("\nassert ")[0].strip()
    claim = claim_at(entry)
    if claim is None or Path(entry.path).is_relative_to(TESTKIT):  # the test kit says what it met
        return "", message
    return (message if claim.msg else ""), not_so(claim.test, entry.frame, comparison)


def claim_at(entry):
    """The assert statement at which a frame stands, or None."""
    tree, line = ast.parse(Path(entry.path).read_text(encoding="utf-8")), entry.lineno + 1
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Assert) and node.lineno <= line <= node.end_lineno]
    return found[-1] if found else None


def not_so(claim, frame, comparison):
    """In which way a claim does not hold; empty where what should be seen says it all."""
    match claim:
        case ast.Compare() if comparison:
            return about(claim.left) + compared(*comparison)
        case ast.Call(func=ast.Attribute(attr="sees" | "shows" | "holds" | "becomes"), args=arguments):
            texts = [text for each in arguments if isinstance(text := value(each, frame), str)]
            return f"the page does not show {texts[-1]!r}" if texts else "the page does not show it"
        case ast.Attribute(attr="blocked"):
            return "the page could read the answer"
        case ast.Call(func=ast.Attribute(attr="sees_no_more")):
            return "the page still shows it"
        case ast.Call(func=ast.Attribute(attr="silent")):
            return "it came all the same, or once more"
        case ast.Call(func=ast.Name(id="wait_for"), args=[ast.Constant(value=seconds), *_]):
            return f"this did not happen within {seconds} s"
        case ast.Call(func=ast.Attribute(value=whole, attr="startswith" | "endswith" as how), args=[part]):
            seen, wanted, verb = value(whole, frame), value(part, frame), how.removesuffix("swith")
            return f"{about(whole)}{plain(seen)}, which does not {verb} with {plain(wanted)}" if seen else ""
        case ast.Call(func=ast.Attribute(attr="requests")):
            return "the server's log has no such request"
    return ""


def compared(op, left, right):
    if op == "<=" and isinstance(left, (set, frozenset)):
        op, left = "in", left - right  # a set: what it has too much
        left = next(iter(left)) if len(left) == 1 else left
    return COMPARE[op][1].format(left=plain(left), right=plain(right))


def about(node):
    """What a value is, by the last name in the code that reads it: a header, a key, an attribute."""
    match node:
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]):
            return f"{name}: "
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return f"{name}: "
        case ast.Attribute(attr="status_code" | "status"):
            return "status "
        case ast.Attribute(attr=name):
            return f"{name}: "
    return ""


def value(node, frame):
    """The value of an expression that only reads names, attributes and items; None of any other."""
    reads = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.JoinedStr, ast.FormattedValue, ast.Load)
    if all(isinstance(each, reads) for each in ast.walk(node)):
        try:
            return frame.eval(ast.unparse(node))
        except Exception:  # whatever the object does when it is read, there is no value to show
            return None


def plain(value):
    """A value as Python writes it; of anything but texts, numbers and what is made of them, only that it is there."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping) and not isinstance(value, dict):
        value = dict(value)
    return short(repr(value)) if is_plain(value) else "something else"


def is_plain(value):
    if isinstance(value, dict):
        return all(map(is_plain, [*value.keys(), *value.values()]))
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (str, bytes, bytearray, int, float))


def other(error):
    """What was seen when a test ended by an error that is no assertion of its own."""
    first = str(error).strip().partition("\n")[0]
    match error:
        case _ if is_too_late(error):
            return "no answer in time"
        case KeyError():
            return f"the answer has no {error}"
        case IndexError() | StopIteration():
            return "nothing like it"
        case AttributeError() if "'NoneType'" in first:
            return "nothing like it: what should come has ended, or is not there"
        case httpx.ConnectError():
            return f"nobody answers at {error.request.url}"
        case httpx.TransportError():
            return f"the connection ended before the answer did ({first})"
        case ValueError() if "JSON" in type(error).__name__:
            return "the answer is not JSON"
        case RuntimeError() if "StopIteration" in first:
            return "the answer ended"
    library, _, _ = type(error).__module__.partition(".")
    if library == "socketio":
        return f"the Socket.IO client was not let in: {first}"
    if library == "playwright":
        return short((first.partition(": ")[2] or first).removeprefix("Error: "))
    return short(f"{type(error).__name__}: {first}")


def is_too_late(error):
    return isinstance(error, TOO_LATE) or "Timeout" in f"{type(error).__name__} {error}"  # Playwright has its own
