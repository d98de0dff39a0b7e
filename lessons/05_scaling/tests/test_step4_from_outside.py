"""Step 4: a process that is no server speaks to every client, and says so if nobody hears it."""

import subprocess
import sys

import pytest
import redis

from course import services
from course.processes import free_port
from course.testkit.sockets import first_way


def announce(fleet, *words, **settings):
    """Run announce.py; gives its exit code and what it printed."""
    env = fleet.environ | {f"FLASK_{name}": value for name, value in settings.items()}
    command = [sys.executable, fleet.lesson.folder / "announce.py", *words]
    how = {"text": True, "encoding": "utf-8", "env": env, "timeout": 60}
    run = subprocess.run(command, **how, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return run.returncode, run.stdout.strip()


@first_way
def test_everybody_hears_it_at_every_worker(fleet, client, transport):
    how = {"client": client, "transport": transport}
    with fleet.socket(address=fleet.at(0), **how) as here, fleet.socket(address=fleet.at(1), **how) as there:
        assert announce(fleet, "Ten minutes left") == (0, "Told at 2 workers.")

        for socket in (here, there):
            assert socket.next("announcement").data["text"] == "Ten minutes left"


def test_without_redis_it_says_that_nobody_was_told(fleet):
    code, said = announce(fleet, "Anybody?", REDIS_URL="redis://127.0.0.1:1")

    assert code == 1
    assert "Nobody was told: at redis://127.0.0.1:1, " in said
    assert "refused" in said


def test_it_says_why_redis_refuses_and_never_a_password(fleet):
    with services.redis(free_port()) as url:
        server = redis.Redis.from_url(url)
        server.config_set("requirepass", "apple")
        server.execute_command("ACL SETUSER reader on >pear +@all -publish allchannels")
        for who, reason in ((":quince", "invalid username-password"), ("reader:pear", "no permissions")):
            code, said = announce(fleet, "Anybody?", REDIS_URL=url.replace("//", f"//{who}@"))

            assert code == 1
            assert reason in said
            assert who.partition(":")[2] not in said


@pytest.mark.parametrize("what", ["datetime.datetime.now()", "float('nan')"])
def test_what_cannot_become_json_is_not_blamed_on_redis(fleet, what):
    script = f"import datetime, announce; announce.announce({what})"
    how = {"text": True, "encoding": "utf-8", "env": fleet.environ, "timeout": 60, "cwd": fleet.lesson.folder}
    run = subprocess.run([sys.executable, "-c", script], **how, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    assert run.returncode == 1
    assert "Nobody was told: O" in run.stdout
    assert "JSON" in run.stdout, "in json's own words"
    assert "Redis" not in run.stdout


def test_on_another_channel_it_says_that_nobody_listens(fleet):
    code, said = announce(fleet, "Anybody?", MESSAGE_CHANNEL="another")

    assert code == 1
    assert "no worker listens to the channel another" in said


def test_by_another_queue_it_says_what_to_change(fleet):
    code, said = announce(fleet, "Anybody?", MESSAGE_QUEUE="amqp://127.0.0.1//")

    assert code == 1
    assert "write KombuManager" in said


def test_without_words_it_says_how(fleet):
    assert announce(fleet) == (1, 'Say what: python announce.py "Ten minutes left"')
