"""Every lab shows its symptom with the mistake, and no longer with the cure."""

from concurrent.futures import ThreadPoolExecutor

from course.labs import observe


def test_the_mistake_shows_and_the_cure_helps(lab):
    assert lab.title and lab.mistake and lab.symptom and lab.cure

    with ThreadPoolExecutor(2) as at_once:
        broken, cured = at_once.map(observe, [lab] * 2, ["broken", "cured"])

    shows, seen = broken
    assert shows, f"broken: {seen}"
    shows, seen = cured
    assert not shows, f"cured: {seen}"
