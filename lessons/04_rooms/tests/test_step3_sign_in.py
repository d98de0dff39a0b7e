"""Step 3: who signs in is the same person by every way in, and nobody learns a password."""

import secrets

import pytest

from course.processes import wait_for


def login(visitor, name, password):
    return visitor.post("/api/login", json={"name": name, "password": password})


def test_who_signs_in_is_known_by_name_until_she_signs_out(lesson):
    ada = lesson.sign_in("ada")
    assert ada.get("/api/me").json()["name"] == "ada"

    assert ada.post("/api/logout").status_code == 204

    assert ada.get("/api/me").json()["name"] is None


def test_a_name_is_the_same_in_small_and_capital_letters(lesson):
    assert lesson.sign_in("Ada").get("/api/me").json()["name"] == "ada"


def test_a_question_is_hers_on_every_device_and_by_every_way_in(lesson):
    ada, on_her_phone, grace = lesson.sign_in("ada"), lesson.sign_in("ada"), lesson.sign_in("grace")
    with lesson.socket(visitor=ada) as socket:
        sent = {"text": "Whose is it?", "key": secrets.token_hex(8)}
        id = socket.call("ask", sent)["question"]["id"]

    assert on_her_phone.get(f"/api/questions/{id}").json()["mine"], "she is ada on every device"
    assert not grace.get(f"/api/questions/{id}").json()["mine"]


@pytest.mark.parametrize(
    ("name", "password", "status", "why"),
    [
        ("ada", "wrong", 401, "The name or the password is wrong."),
        ("nobody", "live-flask", 401, "The name or the password is wrong."),
        ("ada", "", 400, "1 to 200"),
        ("ada", "x" * 201, 400, "1 to 200"),
        ("ada", None, 400, "must be a text"),
        (["ada"], "live-flask", 400, "must be a text"),
        ("ada\0", "live-flask", 400, "zero byte"),
        ("ada' OR '1'='1", "x", 401, "The name or the password is wrong."),
    ],
    ids=str,
)
def test_who_cannot_sign_in_learns_no_more_than_that(lesson, name, password, status, why):
    visitor = lesson.visitor()
    answer = login(visitor, name, password)

    assert answer.status_code == status
    assert why in answer.json()["error"]
    assert visitor.get("/api/me").json()["name"] is None


def test_a_key_is_its_persons_own(lesson):
    ada, grace = lesson.person("ada"), lesson.person("grace")
    hers = ada.post("/api/questions?room=physics", json={"text": "Ada's", "key": "the same"})
    other = grace.post("/api/questions?room=physics", json={"text": "Grace's", "key": "the same"})

    assert (hers.status_code, other.status_code) == (201, 201), "nobody's key blocks another's"
    again = ada.post("/api/questions?room=physics", json={"text": "Ada's", "key": "the same"})
    assert again.json()["id"] == hers.json()["id"]


@pytest.mark.long
def test_no_password_is_stored(lesson):
    lesson.flask("users", "add", "eva", "--password", "very-secret-indeed")
    lesson.person("eva", "very-secret-indeed")

    written = b"".join(path.read_bytes() for path in lesson.database.parent.glob(f"{lesson.database.name}*"))
    assert b"scrypt:" in written
    assert b"very-secret-indeed" not in written
    assert "very-secret-indeed" not in "".join(lesson.served.api.lines)


def test_the_first_start_says_who_can_sign_in(lesson, tmp_path):
    with lesson.another_api(SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path.as_posix()}/new.db") as first:
        assert len(first.served.api.printed("A demo class is here", at_least=1, within=5)) == 1


def test_no_cookie_makes_the_server_stumble(lesson):
    ada = lesson.person("ada")
    for name in ("remember_token", *ada.cookies):
        for value in ("a|é", "x" * 4000, "%00", '"'):
            answer = lesson.program().get("/api/me", headers={"Cookie": f"{name}={value}".encode()})
            assert answer.status_code == 200
            assert answer.json()["name"] is None


def test_the_page_signs_in_and_says_what_is_wrong(lesson, alice):
    alice.sign_in("ada", "wrong")
    assert alice.sees("The name or the password is wrong.")

    alice.sign_in("ada")
    assert alice.sees("Signed in as ada")
    alice.page.reload()
    assert alice.sees("Signed in as ada")
    assert not alice.page.get_by_label("Your name").is_visible(), "she need not say who she is"


def test_the_page_goes_from_room_to_room(lesson, window):
    ada, grace = window(lesson.page), window(lesson.page)
    for person, name in ((ada, "ada"), (grace, "grace")):
        person.sign_in(name)
        person.page.get_by_role("link", name="physics").click()
        assert person.shows(person.page.get_by_role("heading", name="physics"))
    ada.page.get_by_label("Your question", exact=True).fill("Is light a wave?")
    ada.page.get_by_role("button", name="Ask", exact=True).click()
    assert grace.shows(grace.question("Is light a wave?"))

    grace.page.get_by_role("link", name="lobby").click()
    assert grace.sees_no_more("Is light a wave?")
    grace.page.get_by_role("link", name="physics").click()
    assert grace.shows(grace.question("Is light a wave?"))

    with grace.offline(), lesson.socket(visitor=lesson.person("ada")) as socket:
        sent = {"room": "physics", "text": "Is it a particle?", "key": secrets.token_hex(8)}
        assert socket.call("ask", sent)["ok"]
    assert grace.shows(grace.question("Is it a particle?"), within=20), "she comes back into her room"
    assert wait_for(2, lambda: grace.page.url.endswith("#physics"))
