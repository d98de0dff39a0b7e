"""Every lab shows its symptom with the mistake, and no longer with the cure."""

from course.labs import observe


def test_the_mistake_shows_and_the_cure_helps(lab):
    assert lab.title and lab.mistake and lab.symptom and lab.cure

    shows, seen = observe(lab, "broken")
    assert shows, f"broken: {seen}"

    shows, seen = observe(lab, "cured")
    assert not shows, f"cured: {seen}"
