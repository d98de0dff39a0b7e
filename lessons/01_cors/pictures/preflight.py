"""The browser asks before the vote. To the board's own page the API says yes, and the vote is sent; to another, no."""

STEP = 3
PEOPLE = ["Ada"]
HIDES = "POST|201"


def people(lesson, ada):
    id = ada.post("/api/questions", json={"text": "May I?"}).json()["id"]
    asks = {"Access-Control-Request-Method": "PUT"}
    ada.options(f"/api/questions/{id}/vote", headers=asks)
    ada.put(f"/api/questions/{id}/vote")
    ada.options(f"/api/questions/{id}/vote", headers=asks | {"Origin": "http://localhost:9999"})
