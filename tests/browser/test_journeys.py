"""Seven journeys: from where somebody begins to what they wanted, in a real browser with real training."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.charts import SLOW, assert_no_gap, last_epoch, wait_for_points, wait_until_grown
from tests.support.sites import Complaints, Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Page]
Post = Callable[..., dict[str, Any]]
PHONE = {"width": 390, "height": 844}
# Above lr x reg = 2 the penalty alone lets the weights grow with every step: here by so little that the cost
# climbs for thousands of epochs. A cost that grows ends nothing while `explosion` is 0.
CLIMBS = {
    "points": [{"lr": 0.05, "reg": 40.001}, {"lr": 0.05, "reg": 1e-3}],
    "settings": {"hidden": [], "epochs": 10_000, "val_count": 300, "explosion": 0},
    "space": None,
    "trials": None,
}


@pytest.fixture(scope="module")
def site(new_site: Site) -> Site:
    return new_site


def expect_to_fit(page: Page) -> None:
    """Nothing sticks out to the right."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def test_from_the_first_visit_to_the_first_finished_sweep(open_page: Opener) -> None:
    page = open_page("/", color_scheme="light")
    expect(page.get_by_role("heading", name="No sweep yet")).to_be_visible()
    page.get_by_role("button", name="Light or dark").click()
    page.get_by_role("link", name="Start the coarse search").click()
    expect(page.locator("html")).to_have_css("color-scheme", "dark")

    page.get_by_label("Name", exact=True).fill("my first sweep")
    page.get_by_label("Trials", exact=True).fill("4")
    page.get_by_label("Epochs", exact=True).fill("30")
    expect(page.get_by_text("4 trials, about")).to_be_visible()
    page.get_by_role("button", name="Start the sweep").click()

    expect(page.get_by_role("heading", name="my first sweep")).to_be_visible()
    page.evaluate("window.notReloaded = true")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    expect(page.locator('#wall .train[d^="M"]')).to_have_count(4)
    expect(page.locator("[data-field=progress]")).to_have_text("4 / 4")
    expect(page.locator("#advice strong")).not_to_be_empty()
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    assert page.evaluate("window.notReloaded")

    page.locator("#best-link").click()
    expect(page.get_by_role("heading", name=re.compile(r"^Trial #\d$"))).to_be_visible()
    page.locator("#lines").scroll_into_view_if_needed()
    expect(page.locator("#lines")).to_contain_text("Finished epoch 30 / 30: cost ")
    expect(page.locator("#findings .finding").first).to_be_visible()
    page.get_by_role("link", name="Lossdeck", exact=True).click()
    row = page.get_by_role("row", name=re.compile("my first sweep.*finished"))
    expect(row.locator(".spark path").first).to_have_attribute("d", re.compile("^M"))
    page.keyboard.press("/")
    page.keyboard.type("first nowhere")
    expect(row).to_be_hidden()
    expect(page.locator("#none-found")).to_contain_text("None of the newest 1 sweeps")
    page.get_by_label("Find sweeps").fill("digits FIRST")
    expect(row).to_be_visible()


def test_an_exploding_trial_is_watched_and_stopped(open_page: Opener, post_sweep: Post) -> None:
    page = open_page(f"/sweeps/{post_sweep(**CLIMBS)['id']}")
    climbing, calm = page.locator("#tile-0"), page.locator("#tile-1")
    expect(climbing).to_contain_text("exploding", timeout=30_000)
    eta = re.compile(r"^([\d.]+ to|about) [\d.]+ (s|min|h)$")
    expect(page.locator("[data-field=eta]")).to_have_text(eta, timeout=30_000)  # after five epochs of a group
    curve = climbing.locator(".train")
    expect(curve).not_to_have_attribute("d", curve.get_attribute("d") or "")  # grows
    page.get_by_role("link", name="Curves").click()
    wait_for_points(page, "#loss", 0)
    wait_until_grown(page)
    expect(page).to_have_title(re.compile(r"^\(0/2\) small"))
    page.get_by_role("link", name="Wall").click()

    climbing.click()
    beside = page.get_by_role("region", name="Trial #0")
    expect(beside).to_contain_text("exploded by epoch")
    beside.get_by_role("button", name="Stop").click()
    expect(beside.locator("#trial-panel-state")).to_have_text("stopped", timeout=15_000)
    expect(beside.get_by_role("button", name="Retry")).to_be_visible()
    expect(page).to_have_title(re.compile(r"^\(1/2\) small"))
    expect(calm).to_contain_text("running")  # the worker is free for the next

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the sweep").click()
    expect(page.locator("#state")).to_have_text("cancelled")


def test_what_a_brush_on_the_scatter_selects_is_compared(open_page: Opener, post_sweep: Post) -> None:
    page = open_page(f"/sweeps/{post_sweep()['id']}")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    expect(page.locator('#wall .train[d^="M"]')).to_have_count(6)
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 2, steps=5)
    page.mouse.up()
    expect(page.locator("#selected-words")).to_contain_text(" of 6 trials: lr >= ")
    assert "brush=lr:" in page.url
    inside = page.locator("#wall .tile:not(.dim)").count()
    assert 1 < inside < 6

    page.reload()
    expect(page.locator("#wall .tile")).to_have_count(6)
    expect(page.locator("#wall .tile:not(.dim)")).to_have_count(inside)
    page.get_by_role("link", name="In the table").click()
    rows = page.locator("#table tbody tr")
    expect(rows).to_have_count(inside)
    rows.nth(0).locator("td").nth(3).click()
    rows.nth(1).get_by_role("checkbox").check()
    page.get_by_role("link", name="Settings").click()
    page.wait_for_function("() => document.querySelector('#by-a').data?.at(-1).x.length === 2")  # two rings
    page.get_by_role("link", name="Wall").click()
    expect(page.locator("#wall .picked")).to_have_count(2)
    expect(page.locator("#wall [aria-selected=true]")).to_have_count(inside)

    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare 2 trials")).to_be_visible()
    wait_for_points(page, "#loss", 9)
    page.get_by_label("hide what is equal").check()
    expect(page.get_by_role("row", name="hidden")).to_be_hidden()
    expect(page.get_by_role("row", name="lr", exact=False).first).to_be_visible()
    page.go_back()
    page.keyboard.press("Escape")
    expect(page.locator("#selection")).to_be_hidden()
    assert "brush" not in page.url
    assert "selected" not in page.url


def test_a_coarse_search_is_refined_to_a_fine_one(open_page: Opener, post_sweep: Post) -> None:
    page = open_page(f"/sweeps/{post_sweep(name='coarse look')['id']}")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    page.get_by_role("button", name="Refine").click()
    dialog = page.get_by_role("dialog", name="A finer sweep")
    expect(dialog.get_by_role("listitem").first).not_to_be_empty()  # why these ranges
    dialog.get_by_label("Name").fill("fine look")
    dialog.get_by_label("Trials").fill("3")
    low = dialog.get_by_label("from").first
    narrowed = float(low.input_value())
    assert 1e-3 < narrowed < 1e-1
    dialog.get_by_role("button", name="Start it").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("fine look")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    expect(page.locator("#wall .tile")).to_have_count(3)
    page.get_by_role("link", name="all stages in one picture").click()
    stages = page.get_by_role("region", name="Searches, scrollable").locator("tbody tr")
    expect(stages).to_have_count(2)
    expect(stages.nth(1)).to_contain_text(re.compile("coarse look|fine look"))
    expect(page.locator("#picture svg").first).to_be_visible()
    stages.get_by_role("link", name="coarse look").click()
    expect(page.get_by_text("from it:").get_by_role("link", name="fine look")).to_be_visible()


def test_a_page_outlives_its_server_without_gap_or_double_point(
    open_page: Opener, post_sweep: Post, site: Site, complaints: Complaints
) -> None:
    page = open_page(f"/sweeps/{post_sweep(settings=SLOW, trials=2)['id']}?view=curves")
    wait_for_points(page, "#loss", 4)
    site.stop()
    expect(page.locator("#stale")).to_contain_text("The link to the server is down; reconnecting. Data from ")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#notices")).to_have_text("Not paused: the server does not answer.")
    before = last_epoch(page)
    site.start()
    wait_until_grown(page, beyond=before)
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("#stale")).to_be_hidden()
    assert_no_gap(page)
    complaints.forgive("ERR_CONNECTION_REFUSED")


def test_everything_is_reached_by_the_keyboard_alone(open_page: Opener, post_sweep: Post) -> None:
    page = open_page(f"/sweeps/{post_sweep()['id']}")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    keys = page.keyboard
    keys.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    keys.press("Enter")
    expect(page.locator("main")).to_be_focused()

    # The wall is one stop of the Tab key; arrows walk it.
    expect(page.locator("#wall [tabindex='0']")).to_have_count(1)
    page.get_by_label("Wall: table and files").focus()
    keys.press("Tab")
    place = page.locator("#wall [aria-posinset]")
    order = {
        n: place.and_(page.locator(f"[aria-posinset='{n}']")).get_attribute("data-number") for n in (1, 2, 6)
    }
    for key, n in (("ArrowRight", 2), ("End", 6), ("Home", 1)):
        keys.press(key)
        expect(page.locator("#wall :focus")).to_have_attribute("data-number", order[n] or "")
    keys.press("Enter")
    expect(page.get_by_role("heading", name=f"Trial #{order[1]}", exact=True)).to_be_visible()
    expect(page.locator("#trial-panel-findings > li").first).to_be_visible()
    keys.press("Escape")
    expect(page.locator("#trial-panel")).to_be_hidden()
    assert "selected" not in page.url

    page.get_by_role("link", name="Table").press("Enter")
    rows = page.locator("#table tbody tr")
    expect(rows).to_have_count(6)
    keys.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("go to the filter")
    keys.press("Escape")
    keys.press("/")
    keys.insert_text("number < 3")
    expect(rows).to_have_count(3)
    page.locator("#filter").blur()
    for key in "jxjjkx":  # first, select; second, third, second, select
        keys.press(key)
    chosen = [rows.nth(n).get_attribute("data-number") for n in (0, 1)]
    assert f"&selected={','.join(map(str, chosen))}#" in page.url
    expect(rows.nth(1).get_by_role("link")).to_be_focused()

    keys.press("c")
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 trials")
    wait_for_points(page, "#loss", 9)
    expect(page.locator("#link")).to_have_text("live")  # the page listens by then
    page.get_by_role("button", name="baseline").first.press("Enter")
    best = page.locator("[data-result=best_val_acc] td")
    expect(best.nth(0)).to_have_text(re.compile(r"^0\.\d{3}$"))
    expect(best.nth(1)).to_have_text(re.compile(r"^0\.\d{3} [−+]0\.\d{3}$"))
    page.reload()
    expect(page.get_by_role("button", name="baseline").first).to_have_attribute("aria-pressed", "true")

    page.go_back()
    expect(rows).to_have_count(3)
    keys.press("r")
    expect(page.get_by_role("dialog", name="A finer sweep").get_by_label("Name")).to_be_focused()
    keys.type("by keys")
    keys.press("Tab")
    keys.type("3")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("by keys")
    expect(page.get_by_role("link", name="small", exact=True)).to_be_visible()  # the one it came from


def test_a_sweep_is_watched_and_steered_on_a_phone(open_page: Opener, post_sweep: Post) -> None:
    post_sweep(name="on the way", settings=SLOW, trials=2)
    page = open_page("/", viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
    expect_to_fit(page)
    page.get_by_role("link", name="on the way").tap()
    page.locator("#wall").scroll_into_view_if_needed()
    tile = page.locator("#tile-0")
    expect(tile.locator(".train")).to_have_attribute("d", re.compile("L"))
    tile.tap()
    sheet = page.get_by_role("region", name="Trial #0")
    expect(sheet).to_be_in_viewport()
    expect(sheet.get_by_text("lr")).to_be_visible()
    expect_to_fit(page)
    sheet.get_by_role("button", name="Close").tap()
    expect(sheet).to_be_hidden()

    for name in ("Curves", "Settings", "History", "Table"):
        page.get_by_role("link", name=name, exact=True).tap()
        expect_to_fit(page)
    page.get_by_role("link", name="#0", exact=True).tap()
    expect(page.get_by_role("heading", name="Trial #0")).to_be_visible()
    wait_for_points(page, "#loss", 0)
    expect_to_fit(page)
    page.go_back()
    page.get_by_role("button", name="Pause").tap()
    expect(page.locator("#state")).to_have_text("paused")
    page.get_by_role("button", name="Cancel").tap()
    page.get_by_role("button", name="Cancel the sweep").tap()
    expect(page.locator("#state")).to_have_text("cancelled")


def test_a_diverged_trial_ends_with_the_same_loss_wherever_it_is_shown(
    open_page: Opener, post_sweep: Post
) -> None:
    settings = {"lr": 2.0, "epochs": 3, "hidden": [50], "init_scale": 0.01, "init": "normal"}
    sweep = post_sweep(space=None, trials=None, points=[settings, settings | {"lr": 0.01}])
    page = open_page(f"/sweeps/{sweep['id']}?selected=0")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    page.get_by_role("link", name="Open the trial").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Trial #0")
    expect(page.locator("#state")).to_have_text("diverged")
    expect(page.locator("[data-field=loss]")).not_to_have_text("–")
    shown = page.locator("[data-field=loss]").inner_text()
    address, _, id = page.url.rpartition("/trials/")
    page.goto(f"{address}/compare?trials={id},{int(id) + 1}")
    expect(page.locator("[data-result$=loss] td").first).to_have_text(shown)
    accuracies = page.locator("[data-result=train_acc] td")
    expect(accuracies.nth(0)).to_have_text("–")
    expect(accuracies.nth(1)).not_to_have_text("–")
