"""The build's page in a real Chromium, at three widths, with and without its script."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.report import build_page
from tests.report.writing import a_row, counts_of, some_rows

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

WIDTHS = (390, 900, 1440)
BAD = "</script><script>document.title = 'taken'</script><img src='http://192.0.2.1/x.png' onerror='document.title=1'>"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    long = a_row(brief="long", title="x" * 400, form="y_" * 200, idea="z" * 900, draft="w" * 900, final=BAD, place=BAD)
    rows = [*some_rows(), {**long, "principles": ["honesty", BAD], "document": "d0c"}]
    path = tmp_path_factory.mktemp("page") / "report.html"
    highlights = {"77d03f5e19": "a rehearsal", "4be1c0d2a7": "oversight"}
    path.write_text(build_page("small", "By a model.", [BAD], counts_of(rows), rows, highlights), encoding="utf-8")
    return path


class Visit:
    """A page that is open, with everything it asked for and complained of."""

    def __init__(self, browser, address: str, width: int = 900, **how) -> None:
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": 844}, **how)
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(address)

    def titles(self) -> list[str]:
        return [title.inner_text() for title in self.page.locator(".title").all() if title.is_visible()]

    def state(self, said: str) -> None:
        sync_api.expect(self.page.locator("#page-state")).to_have_text(said)


@pytest.fixture
def visit(browser, report: Path) -> Iterator:
    visits: list[Visit] = []

    def open_(at: str = "", width: int = 900, **how) -> Visit:
        visits.append(Visit(browser, report.as_uri() + at, width, **how))
        return visits[-1]

    yield open_
    for one in visits:
        one.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_no_width_scrolls_sideways_complains_or_asks_for_anything(visit, width: int, scheme: str) -> None:
    seen = visit(width=width, color_scheme=scheme)
    seen.page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.complaints == [] and [url.split(":")[0] for url in seen.asked] == ["file"]
    assert seen.page.title() == "small"


@pytest.mark.parametrize("width", WIDTHS)
def test_draft_problems_and_final_text_stand_beside_one_another_where_there_is_room(visit, width: int) -> None:
    page = visit(width=width).page
    box = {kind: page.locator(f"[id='77d03f5e19'] .{kind}").bounding_box() for kind in ("draft", "problems", "final")}
    if width == 390:
        assert box["draft"]["y"] < box["problems"]["y"] < box["final"]["y"]
    else:
        assert box["draft"]["y"] == box["final"]["y"] and box["draft"]["x"] < box["final"]["x"]
        assert (box["problems"]["y"] == box["draft"]["y"]) == (width == 1440)


def test_filters_and_search_narrow_the_list_and_clear(visit) -> None:
    seen = visit()
    seen.state("10 texts")
    seen.page.get_by_label("Family").select_option(label="advice (3)")
    seen.state("3 of 10 texts")
    assert not seen.page.get_by_text("Worth reading first").is_visible()
    seen.page.get_by_label("Outcome").select_option(label="rejected (5)")
    seen.state("1 of 10 texts")
    seen.page.get_by_role("button", name="Clear").click()
    seen.state("10 texts")
    seen.page.get_by_label("Search titles and texts").fill("Crooked  TWISTLOCKS")
    seen.state("1 of 10 texts")
    assert seen.titles() == ["Berth four"]
    seen.page.get_by_label("Search titles and texts").fill("nobody wrote this")
    seen.state("No text fits. Clear the filters to see all.")


@pytest.mark.parametrize(
    ("label", "option", "left"),
    [
        ("Rejected at", "review (1)", "1 of 10 texts"),
        ("Persona", "the model itself (5)", "5 of 10 texts"),
        ("Principle", "honesty (5)", "5 of 10 texts"),
        ("Principle", f"{BAD} (1)", "1 of 10 texts"),
    ],
)
def test_every_filter_filters(visit, label: str, option: str, left: str) -> None:
    seen = visit()
    seen.page.get_by_label(label, exact=True).select_option(label=option)
    seen.state(left)


def test_a_search_finds_words_across_a_mark(visit) -> None:
    seen = visit()
    seen.page.get_by_label("Search titles and texts").fill("hers to do. results on")
    seen.state("1 of 10 texts")


@pytest.mark.parametrize("name", ["e58a12cc90", "d0c", "long"])
def test_a_permanent_link_opens_its_text_by_brief_or_document(visit, name: str) -> None:
    seen = visit(f"#{name}")
    opened = seen.page.locator("article:has(> details[open])").last
    assert name in opened.get_attribute("data-names")
    sync_api.expect(opened.locator("> details > summary")).to_be_focused()
    sync_api.expect(opened.locator("> details > summary")).to_be_in_viewport()


def test_a_link_to_a_text_that_is_filtered_out_clears_the_filters(visit) -> None:
    seen = visit()
    seen.page.get_by_label("Family").select_option(label="advice (3)")
    seen.state("3 of 10 texts")
    seen.page.evaluate("location.hash = 'e58a12cc90'")
    seen.state("10 texts")
    assert seen.page.locator("[id=e58a12cc90]").is_visible()


def test_a_link_to_nothing_says_so(visit) -> None:
    visit("#nothing").state("This page has no text nothing.")


def test_marks_can_be_put_away(visit) -> None:
    page = visit().page
    colour = "getComputedStyle(document.querySelector('ins')).backgroundColor"
    marked = page.evaluate(colour)
    page.get_by_label("mark changes").uncheck()
    assert page.evaluate(colour) == "rgba(0, 0, 0, 0)" != marked


def test_a_keyboard_reaches_and_opens_the_texts(visit) -> None:
    page = visit().page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the texts"
    summary = page.locator("article > details > summary").nth(2)
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("article > details").nth(2).get_attribute("open") is not None


def test_without_its_script_everything_can_be_read_and_a_link_still_opens(visit) -> None:
    page = visit("#b3017fd6e4", java_script_enabled=False).page
    assert not page.locator("form").is_visible()
    assert page.locator("[id=b3017fd6e4]").is_visible()
    page.get_by_text("How the user's message came about").first.click()
    assert page.get_by_text("contact your union").is_visible()
    page.locator("summary", has_text="Whose biscuits").click()
    assert page.get_by_text("The study is not one that can be found.").is_visible()
