"""Step 12: a teacher sees live how the workers do: who serves whom, how much, how fast, and what went wrong."""

import pytest

from course.processes import wait_for


@pytest.fixture
def grace(fleet, window):
    """A teacher who looks at the hall."""
    grace = window(f"{fleet.api}/hall")
    assert grace.shows(grace.page.get_by_label("Password")), "the hall should ask who you are"
    grace.sign_in("grace")
    assert grace.sees("Your rooms")
    grace.page.get_by_role("link", name="how the workers do").click()
    return grace


def row(grace, worker):
    """What the table says of a worker: its engine, clients, streams, packets a second, delays, memory."""
    found = grace.page.get_by_role("row").filter(has_text=str(worker))
    return [cell.inner_text() for cell in found.get_by_role("cell").all()]


@pytest.mark.parametrize("number", [0, 1])
def test_whichever_worker_is_asked_knows_the_numbers_of_all(fleet, number):
    teacher = fleet.visitor(base_url=fleet.at(number))
    assert teacher.post("/api/login", json={"name": "grace", "password": "live-flask"}).status_code == 200

    def known():
        answer = teacher.get("/hall/numbers")
        assert answer.status_code == 200, "there should be numbers"
        return set(answer.json()["workers"])

    assert wait_for(5, lambda: known() == {str(port) for port in fleet.places})


def test_the_table_shows_who_serves_whom(fleet, grace):
    first, second = fleet.places
    with fleet.socket(address=fleet.at(0)), fleet.socket(address=fleet.at(0)), fleet.stream(address=fleet.at(1)):
        served = (["2", "0"], ["0", "1"])  # once those of the tests before are given up
        assert wait_for(60, lambda: (row(grace, first)[1:3], row(grace, second)[1:3]) == served), row(grace, first)
        assert row(grace, first)[0] in {"eventlet", "gevent", "threading"}
        assert row(grace, first)[-1].endswith(" MiB")

        fleet.visitor().post("/api/questions", json={"text": "How fast does it come?"})
        assert wait_for(5, lambda: row(grace, first)[4].endswith(" ms")), "the delay of what was told"


def test_the_charts_have_a_line_for_each_worker_and_move(fleet, grace):
    charts = grace.page.locator("#charts figure")
    assert wait_for(5, lambda: charts.count() == 3)
    for name in ("Clients", "Packets a second", "Delay"):
        lines = charts.filter(has_text=name).locator("polyline")
        assert wait_for(5, lambda lines=lines: lines.count() == 2)
        assert wait_for(5, lambda lines=lines: len((lines.first.get_attribute("points") or "").split()) > 2)


def test_the_back_row_reads_the_totals_and_whose_line_is_which(fleet, grace):
    grace.page.set_viewport_size({"width": 1920, "height": 1080})
    clients = grace.page.locator("#charts figure").first
    size = "element => getComputedStyle(element).fontSize"
    assert grace.shows(clients.locator("strong"), within=5)
    assert clients.locator("strong").evaluate(size) == "72px"

    with fleet.socket(address=fleet.at(0)), fleet.socket(address=fleet.at(1)):
        total = clients.locator("strong").inner_text
        named = clients.locator("b").all_inner_texts
        assert wait_for(10, lambda: int(total()) == sum(int(each.split(": ")[1]) for each in named()) >= 2)
        assert [each.split(":")[0] for each in named()] == [str(port) for port in fleet.places]
    assert clients.locator("span").all_inner_texts()[::2] == ["2 minutes ago", "now"]


def test_what_is_over_is_no_longer_said(grace):
    said = grace.page.locator("#fault")
    assert grace.shows(grace.page.locator("#charts figure").first)
    assert grace.faults() == []
    before = said.inner_text()
    with grace.refused("*/hall/numbers"):
        assert grace.sees("The API does not answer")
    assert grace.shows(said.get_by_text(before), within=3)


@pytest.mark.long
def test_a_fault_is_named_with_how_long_it_took(fleet, grace):
    port = fleet.places[1]
    assert wait_for(5, lambda: row(grace, port))
    fleet.kill(port)
    assert grace.sees(f"worker {port} died", within=10)
    assert grace.shows(grace.page.locator("#charts .fault").first), "and the charts should mark when"
    assert wait_for(5, lambda: not row(grace, port)), "it is in the table no more"
    fleet.served.api.start(port)
    assert wait_for(20, lambda: row(grace, port)), "until it comes back"

    with fleet.redis_stopped():
        assert grace.sees("Redis did not answer", within=10)
        assert grace.sees("It is not over.")
    assert grace.sees("It was over after", within=10)
