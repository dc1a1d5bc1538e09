import re

import pytest

PAGES = ["gate", "comparison", "run", "several", "line", "hostile", "liar", "big"]
WITH_TASKS = ["gate", "comparison", "run", "several"]
PHONE = {"viewport": {"width": 390, "height": 844}}


def ids(page):
    return page.locator("#tasks .open").all_inner_texts()


def axe(page):
    """What axe-core finds fault with, but for trifles."""
    axe_core = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not installed")
    page.evaluate(axe_core.AXE_SCRIPT)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (each["id"], each["impact"], node["html"][:200])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical", "moderate")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_report_opens_without_a_complaint_or_a_request(opened, name):
    page = opened(name)
    assert page.locator("h1").inner_text()
    assert page.locator("h1").bounding_box()["y"] < 300


def test_the_decision_and_why_stand_first(opened):
    page = opened("gate")
    assert page.locator("main > section").first.locator("h1").inner_text() == "BLOCK"
    assert "no_confirmed_regressions" in page.locator(".why").inner_text()


@pytest.mark.parametrize("name", WITH_TASKS)
def test_search_narrows_the_tasks_by_id_and_tag(opened, name):
    page = opened(name)
    assert len(ids(page)) == 60
    page.fill("#q", "t21")
    assert ids(page) == ["t21"]
    page.fill("#q", "topic:a long")
    assert len(ids(page)) == 3
    assert page.locator("#count").inner_text() == "3 of 60 tasks"


def test_filters_by_class_and_tag_work_together_and_clear(opened):
    page = opened("comparison")
    page.select_option("#state", label=page.locator("#state option").nth(1).inner_text())
    some = len(ids(page))
    assert 0 < some < 60
    page.select_option("#tag", label="long")
    assert len(ids(page)) <= some
    page.click("text=Clear")
    page.locator("#tasks .open").nth(59).wait_for()


def test_a_class_is_a_button_too(opened):
    page = opened("comparison")
    button = page.locator("#classes button").first
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert len(ids(page)) == int(button.inner_text().split()[-1])


def test_columns_sort_both_ways_and_say_so(opened):
    page = opened("comparison")
    page.click("#tasks th >> text=task")
    first = ids(page)
    page.click("#tasks th >> text=task")
    assert ids(page) == first[::-1]
    assert page.locator("#tasks th").first.get_attribute("aria-sort") == "descending"


def test_the_greatest_loss_comes_first_when_sorted_by_change(opened):
    page = opened("comparison")
    head = page.locator("#tasks th", has_text="change")
    head.locator("button").click()
    assert page.locator("#tasks tbody tr").first.locator("td").nth(3).inner_text() == "-100.0"


def test_a_task_opens_with_the_transcripts_of_both_sides_and_the_command(opened):
    page = opened("comparison")
    page.fill("#q", "t21")
    page.locator("#tasks .open").first.click()
    page.wait_for_selector("[data-ready]")
    sides = page.locator(".side").all_inner_texts()
    assert len(sides) == 2
    assert "pass" in sides[0]
    assert "no, the tool failed" in sides[1]
    assert "exact_match, score 0" in sides[1]
    assert "evalh show runs/broken --task t21" in page.locator(".detail .cmd").inner_text()
    page.locator("#tasks .open").first.click()
    assert page.locator(".detail").count() == 0


def test_a_gate_shows_its_looks_fresh_trials_and_both_families(opened):
    page = opened("gate")
    assert page.locator("#errors tbody tr").count() >= 2
    page.fill("#q", "t21")
    page.locator("#tasks .open").first.click()
    page.wait_for_selector("[data-ready]")
    assert "on fresh trials" in page.locator(".detail").inner_text()


def test_every_number_links_to_how_it_is_made(opened):
    page = opened("gate")
    targets = page.eval_on_selector_all("a.m", "links => links.map(link => link.getAttribute('href'))")
    assert len(set(targets)) >= 10
    assert page.evaluate("names => names.filter(name => !document.querySelector(name))", targets) == []


@pytest.mark.parametrize("name", ["gate", "run", "several"])
def test_no_number_of_a_table_stands_without_its_method(opened, name):
    page = opened(name)
    bare = page.locator("td.r, .tile .big, .fnum, .keys li").evaluate_all(
        """all => all.filter((each) => /[0-9]/.test(each.textContent))
            .filter((each) => !each.closest('#tasks') && !each.querySelector('a.m'))
            .map(each => each.closest('tr, .tile, li, .frow').textContent)"""
    )
    counts = ("family", "aggregate", "flips")  # trials and tasks of a look are counted, not estimated
    assert [each for each in bare if not each.strip().startswith(counts)] == []


def test_the_theme_follows_the_system_and_can_be_switched(opened):
    colour = "getComputedStyle(document.body).backgroundColor"
    light, dark = opened("comparison"), opened("comparison", color_scheme="dark")
    assert light.evaluate(colour) != dark.evaluate(colour)
    light.click("#theme")
    assert light.evaluate(colour) == dark.evaluate(colour)


def test_the_keyboard_reaches_search_tasks_and_the_report_itself(opened):
    page = opened("comparison")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("t21")
    page.locator("#tasks .open").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-ready]")


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_never_scrolls_sideways(opened, name):
    page = opened(name, **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["gate", "run", "several", "line"])
def test_axe_finds_nothing_serious(opened, name, scheme):
    page = opened(name, color_scheme=scheme)
    if name != "line":
        page.locator("#tasks .open").first.click()
        page.wait_for_selector("[data-ready]")
    assert axe(page) == []


def test_paper_shows_the_decision_and_no_controls(opened):
    page = opened("gate")
    page.emulate_media(media="print")
    assert page.locator("h1").is_visible()
    assert not page.locator(".controls").is_visible()


def test_of_five_thousand_tasks_only_those_shown_are_drawn(opened):
    page = opened("big")
    drawn = page.evaluate(
        """() => {
            const field = document.getElementById('q');
            const elements = () => document.querySelectorAll('#tasks *').length;
            const first = elements();
            let made = 0;
            new MutationObserver((changes) => changes.forEach((each) => { made += each.addedNodes.length; }))
                .observe(document.querySelector('#tasks tbody'), {childList: true});
            for (const text of ['task-01', 'task-04999', '9', '']) {
                field.value = text;
                field.dispatchEvent(new Event('input', {bubbles: true}));
            }
            return new Promise((resolve) => setTimeout(() => resolve({first, made, last: elements()})));
        }"""
    )
    assert drawn["first"] == drawn["last"] < 100 * 50
    assert drawn["made"] <= 3 * 100 + 1
    assert re.match(r"5000 of 5000 tasks, the first 100 shown", page.locator("#count").inner_text())
    page.click("#more")
    assert len(ids(page)) == 200


def test_an_opened_task_fits_a_phone(opened):
    page = opened("comparison", **PHONE)
    page.fill("#q", "t21")
    page.locator("#tasks .open").first.click()
    page.wait_for_selector("[data-ready]")
    table = page.locator("#tasks").bounding_box()
    assert table["x"] + table["width"] <= 390
    assert page.locator("#tasks .marks").first.is_hidden()


def test_a_phone_sorts_by_columns_that_it_does_not_show_and_opens_them(opened):
    page = opened("comparison", **PHONE)
    assert page.locator("#tasks th", has_text="change").is_hidden()
    page.select_option("#sort", label="change ▲")
    page.locator("#tasks .open").first.click()
    page.wait_for_selector("[data-ready]")
    assert "Change -100.0 points" in page.locator(".detail").inner_text()
    assert page.locator(".detail .marks").first.is_visible()
    page.select_option("#sort", label="task ▼")
    assert ids(page)[0] == "t9"


def test_a_task_of_several_candidates_opens_to_what_each_makes_of_it(opened):
    page = opened("several")
    page.fill("#q", "t21")
    page.locator("#tasks .open").first.click()
    page.wait_for_selector("[data-ready]")
    said = page.locator(".detail").inner_text()
    assert "python:arms:broken: suspected broken" in said
    sides = page.locator(".side").all_inner_texts()
    assert len(sides) == 3
    assert "no, the tool failed" in "".join(sides)
    commands = page.locator(".detail .cmd").inner_text().splitlines()
    assert len(commands) == 3
    assert all("--task t21" in command for command in commands)


def test_candidates_on_a_phone_keep_every_column(opened):
    page = opened("several", **PHONE)
    cells = page.locator(".cards").first.locator("tbody tr").first.locator("td")
    assert cells.count() == 5
    assert all(cell.bounding_box()["x"] + cell.bounding_box()["width"] <= 390 for cell in cells.all())


def test_a_failure_of_a_lone_run_opens_with_its_transcript(opened):
    page = opened("run")
    page.fill("#q", "t21")
    page.locator("#tasks .open").first.click()
    page.wait_for_selector("[data-ready]")
    [side] = page.locator(".side").all_inner_texts()
    assert "no, the tool failed" in side
    assert "exact_match, score 0" in side


def test_a_line_numbers_its_entries_as_they_were_written(opened):
    page = opened("line")
    assert page.locator(".steps > li").evaluate_all("all => all.map(each => each.value)") == [3, 2, 1]
