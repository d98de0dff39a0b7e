"""The quick questions of each lesson are well-formed and proved, and `python3 -m course quiz N` asks them anywhere."""

import ast
import io
import os
import re
import signal
import subprocess
import sys
from string import ascii_lowercase

import pytest
from rich.console import Console

from course.catalogue import ROOT, Lesson, lessons
from course.quiz import play, questions

LESSONS = lessons()
QUIZ = [sys.executable, "-m", "course", "quiz"]
each = pytest.mark.parametrize("number", LESSONS)


def take(number, *typed, command=QUIZ):
    """What the terminal shows to somebody who types these lines."""
    how = {"cwd": ROOT, "capture_output": True, "text": True, "encoding": "utf-8", "timeout": 60}
    env = os.environ | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
    run = subprocess.run([*command, str(number)], input="".join(f"{line}\n" for line in typed), env=env, **how)
    assert run.returncode == 0 and not run.stderr, run.stdout + run.stderr
    return run.stdout


def right(number):
    """The letters of the right options."""
    asked = questions(LESSONS[number]).values()
    return [ascii_lowercase[question.options.index(question.answer)] for question in asked]


def plain(text):
    """Text of the notes as the terminal shows it, however the lines are broken."""
    return " ".join(text.replace("`", "").split())


@each
def test_a_lesson_asks_three_to_five_questions_each_with_one_right_answer(number):
    section = re.search(r"^## Quick questions\n((?:(?!## ).*\n)*)", LESSONS[number].notes, re.M)[1]
    asked = questions(LESSONS[number])

    assert f"`python3 -m course quiz {number}`" in section
    assert list(asked) == list(range(1, section.count("<details>") + 1)), "none should be overlooked"
    assert 3 <= len(asked) <= 5
    for question in asked.values():
        assert list(question.claims.values()).count(True) == 1 and question.why, question.text
        assert len(set(question.options)) == len(question.options) >= 3, question.text
    assert len(set(right(number))) > 1, "the right answer should not always have the same letter"


@each
def test_each_question_has_its_test_and_each_test_its_question(number):
    path = LESSONS[number].folder / "tests" / "test_quiz.py"
    tests = [part for part in ast.parse(path.read_text(encoding="utf-8")).body if part.__class__ is ast.FunctionDef]
    proved = {int(found[1]): part for part in tests if (found := re.match(r"test_question_(\d+)_\w", part.name))}

    assert list(proved) == list(questions(LESSONS[number]))
    for asked, part in proved.items():
        assert re.findall(r"quiz\[(\d+)\]\.claims", ast.unparse(part)) == [str(asked)], part.name


@each
def test_who_knows_everything_is_told_so(number):
    said = take(number, *right(number))

    assert f"{len(right(number))} of {len(right(number))}" in said and "Not quite" not in said
    for question in questions(LESSONS[number]).values():
        for part in (question.text, *question.options, question.why):
            assert plain(part) in plain(said)
    assert max(map(len, said.splitlines())) <= 80


def test_a_wrong_answer_gets_the_right_one_and_the_sentence():
    first, *others = questions(LESSONS[1]).values()
    letters = right(1)
    wrong = next(letter for letter in "abc" if letter != letters[0])

    said = take(1, wrong, *letters[1:])

    assert plain(f"Not quite. {first.answer}. {first.why}") in plain(said)
    assert f"{len(others)} of {len(others) + 1}" in said


def test_what_is_no_letter_of_the_question_is_asked_again():
    first, *others = right(1)

    said = take(1, "", "z", "ab", "1", "\0", "é", "[/]", f" {first.upper()} ", *others)

    assert said.count("Type one of these letters: a, b, c.") == 7
    assert f"{len(others) + 1} of {len(others) + 1}" in said


def test_the_end_of_the_input_ends_it_in_words():
    assert take(1).endswith("Stopped. Right so far: 0 of 0.\n")
    assert take(1, right(1)[0]).endswith("Stopped. Right so far: 1 of 1.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_ctrl_c_ends_it_in_words():
    heed = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    env = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([*QUIZ, "1"], cwd=ROOT, env=env, **pipes, **heed) as process:
        process.stdin.write(f"{right(1)[0]}\n")
        process.stdin.flush()
        assert any(line.startswith("2. ") for line in process.stdout)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read().endswith("Stopped. Right so far: 1 of 1.\n")
    assert process.returncode == 0


def test_it_needs_no_network():
    alone = "import os, sys; sys.addaudithook(lambda what, _: what.startswith('socket.') and os._exit(7));"
    asks = "from course.cli import main; main(['quiz', *sys.argv[1:]])"

    assert take(1, *right(1), command=[sys.executable, "-c", f"{alone} {asks}"])


def test_text_is_shown_as_it_is_and_code_in_bold(tmp_path, monkeypatch):
    notes = """# Lesson 9 · [red]

## Quick questions

1. What does `[bold]` in a list such as [1, 2]
   show?
   - `[/bold]`
   - [link=x]

   <details><summary>Answer</summary>

   `[/bold]`. So [it]
   is.

   </details>

## What can go wrong
"""
    (tmp_path / "README.md").write_text(notes, encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO("b\n"))
    screen = io.StringIO()

    play(
        Lesson(tmp_path), Console(file=screen, force_terminal=True, color_system="standard", highlight=False, width=80)
    )

    assert "What does \033[1m[bold]\033[0m in a list such as [1, 2] show?" in screen.getvalue()
    assert "[link=x]" in screen.getvalue() and "\033[1m[/bold]\033[0m. So [it] is." in screen.getvalue()
    assert "Lesson 9 · [red]" in screen.getvalue()
