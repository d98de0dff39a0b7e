"""How to test such an app from inside: no server, no browser, a database in memory."""

import pytest

from .. import board, create_app


@pytest.fixture
def app():
    app = create_app({"TESTING": True, "SECRET_KEY": "test", "SQLALCHEMY_DATABASE_URI": "sqlite://"})
    yield app
    with app.app_context():
        board.db.engine.dispose()  # else Python warns of its open files whenever it finds them


@pytest.fixture
def client(app):
    return app.test_client()


def test_a_view(client):
    answer = client.post("/api/questions", json={"text": "How do I test this?"})

    assert answer.status_code == 201
    assert client.get("/api/questions").json[0]["text"] == "How do I test this?"


def test_two_browsers_are_two_clients(app):
    alice, bob = app.test_client(), app.test_client()
    location = alice.post("/api/questions", json={"text": "Whose is it?"}).location

    assert alice.get(location).json["mine"] and not bob.get(location).json["mine"]


def test_a_cross_origin_request_is_a_request_with_an_origin(app, client):
    answer = client.get("/api/questions", headers={"Origin": app.config["PAGE_ORIGIN"]})

    assert answer.access_control_allow_origin == app.config["PAGE_ORIGIN"]


def test_the_board_without_http(app):
    with app.app_context():
        question = board.ask("a browser", "Does the board need a request?")

        assert board.vote("another", question.id).votes == 1
        with pytest.raises(board.NotYours):
            board.withdraw("another", question.id)
