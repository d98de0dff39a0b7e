"""The pictures in the notes show what really goes over the wire, and say so to who cannot see them."""

import pytest

from course.catalogue import lessons
from course.wire.pictures import load, played, scripts, titles

SCRIPTS = [(number, path) for number, lesson in lessons().items() for path in scripts(lesson)]
NAMES = [f"{number}-{path.stem}" for number, path in SCRIPTS]


@pytest.mark.long
@pytest.mark.parametrize(("number", "path"), SCRIPTS, ids=NAMES)
def test_a_picture_shows_what_happens(number, path):
    drawn = titles(path.with_suffix(".svg").read_text(encoding="utf-8"))

    happens = [each["title"] for each in played(lessons()[number], path)["shown"]]

    assert set(happens) == set(drawn), f"draw it anew: python3 -m course pictures {number}"


@pytest.mark.parametrize(("number", "path"), SCRIPTS, ids=NAMES)
def test_the_notes_show_it_with_its_words(number, path):
    words = load(path).__doc__.strip()
    svg = path.with_suffix(".svg").read_text(encoding="utf-8")

    assert f"![{words}](pictures/{path.stem}.svg)" in lessons()[number].notes
    assert f"<title>{words}</title>" in svg
