"""A response that does not end: Ada's page asks once, and each event comes in the same answer."""

STEP = 3
PEOPLE = ["Ada", "Ben"]
HIDES = "values"


def people(lesson, ada, ben):
    with lesson.stream(visitor=ada) as stream:
        ben.post("/api/questions", json={"text": "Does she see it?"})
        assert stream.next()
