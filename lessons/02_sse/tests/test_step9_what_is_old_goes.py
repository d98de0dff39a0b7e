"""Step 9: the log keeps the newest events, and a reader that asks for older ones is told so."""


def test_a_number_older_than_the_log_keeps_is_answered_with_reset(lesson):
    with lesson.another_api(EVENTS_KEPT=5) as api:
        for text in "abcdefghij":
            assert api.program().post("/api/questions", json={"text": text}).status_code == 201

        with api.stream(last_event_id=1) as stream:
            here = stream.next(within=2)
            assert here.type == "reset", "the log should keep the newest EVENTS_KEPT events only"

        with api.stream(last_event_id=int(here.id) - 5) as stream:
            found = [event.data["question"]["text"] for event in stream.take(5, within=2)]
            assert found == list("fghij"), "what is kept is replayed"
