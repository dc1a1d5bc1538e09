import json

import pytest

from evalharness.report import inert
from tests.report.hostile import HOSTILE

PAGES = ["hostile", "liar", "several"]


def unfolded(page):
    page.click("#all") if page.locator("#all").is_visible() else None
    for button in page.locator("#tasks .open").all():
        button.click()
    page.wait_for_selector(".opened:not([data-ready])", state="detached")


@pytest.mark.parametrize("name", PAGES)
def test_hostile_text_runs_nothing_and_becomes_no_element(opened, name):
    page = opened(name)
    unfolded(page)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, iframe, object, embed, form[action], link, base, [onerror], [onload]").count() == 0
    assert page.locator("script").count() == 3
    assert page.locator("a:not([href^='#'])").count() == 0


def test_hostile_text_is_shown_as_it_was_written(opened):
    page = opened("hostile")
    shown = page.locator("#tasks .open").all_text_contents()
    for number, text in enumerate(HOSTILE):
        assert inert.line(f"{text}{number}") in shown


def test_embedded_data_cannot_end_its_element(opened):
    page = opened("hostile")
    rows = json.loads(page.locator("#table").text_content())["rows"]
    assert len(rows) == len(HOSTILE)


def test_an_answer_of_ten_megabytes_is_cut_and_the_rest_is_named(opened, reports):
    assert (reports / "liar.html").stat().st_size < 500_000
    page = opened("liar")
    page.fill("#q", "t0")
    page.get_by_role("button", name="t0", exact=True).click()
    page.wait_for_selector("[data-ready]")
    assert "characters left out" in page.locator(".side").nth(1).inner_text()
    assert "evalh show runs/hostile --task t0" in page.locator(".detail .cmd").inner_text()


def test_even_a_script_that_got_in_could_not_run_or_call_home(browser, reports):
    page = browser.new_page()
    asked, refused = [], []
    page.goto((reports / "run.html").as_uri())
    page.on("request", lambda sent: asked.append(sent.url))
    page.on("requestfailed", lambda sent: refused.append((sent.url, sent.failure)))
    outcome = page.evaluate(
        """async () => {
            const said = [];
            const script = document.createElement('script');
            try { script.textContent = 'hacked = 1'; document.body.append(script); } catch { said.push('script'); }
            try { document.body.innerHTML = '<img src=x onerror="window.hacked=1">'; } catch { said.push('markup'); }
            try { await fetch('http://evil.test/'); } catch { said.push('fetch'); }
            const image = new Image();
            image.src = 'http://evil.test/x.png';
            await new Promise((resolve) => { image.onerror = resolve; image.onload = resolve; });
            return {said, hacked: window.hacked ?? null};
        }"""
    )
    page.close()
    assert outcome["hacked"] is None
    assert {"markup", "fetch"} <= set(outcome["said"])
    assert refused == [(url, "csp") for url in asked]
