"""Another site's page tries all three ways with Ada's cookie: each is refused before anything is read or changed."""

STEP = 19
PEOPLE = ["Ada"]
HIDES = "Redis"


def people(lesson, ada):
    hostile = {"Origin": "http://localhost:9999", "Sec-Fetch-Mode": "cors"}
    ada.get("/api/questions?room=physics", headers=hostile)
    ada.post("/api/questions", json={"text": "Forged"}, headers=hostile)
    ada.get("/socket.io/?EIO=4&transport=polling", headers=hostile)
