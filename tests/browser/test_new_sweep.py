"""The new-sweep form: what is wrong is said at its field; a stopping rule, and what it saved."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.sites import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Page]


def test_all_that_is_wrong_is_marked_at_once(open_page: Opener, complaints: Complaints) -> None:
    page = open_page("/sweeps/new?recipe=coarse&dataset=digits")
    expect(page.get_by_role("button", name="Start the sweep")).to_be_enabled()
    wrong = {"seed": "-4", "settings.lr_decay": "0", "space.reg": "-1"}
    for field, value in wrong.items():
        page.locator(f"[data-error-for='{field}'] input:visible").first.fill(value)
    for field in wrong:
        place = page.locator(f"[data-error-for='{field}']")
        expect(place.locator(".error")).to_contain_text(field.rpartition(".")[2])
        expect(place.locator("[aria-invalid=true]").first).to_be_visible()
    complaints.forgive("422")


def test_bounds_and_a_rule_are_checked_and_followed(open_page: Opener, complaints: Complaints) -> None:
    page = open_page("/sweeps/new?recipe=coarse&dataset=digits")
    start = page.get_by_role("button", name="Start the sweep")
    expect(start).to_be_enabled()
    lr = page.locator("[data-error-for='space.lr']")
    lr.get_by_label("from").fill("-1")
    expect(lr.locator(".error")).to_contain_text("lr")
    expect(lr.get_by_label("from")).to_have_attribute("aria-invalid", "true")
    expect(start).to_be_disabled()
    lr.get_by_label("from").fill("0.001")
    expect(lr.locator(".error")).to_have_text("")
    expect(start).to_be_enabled()

    expect(page.get_by_text("Every trial trains to its last epoch")).to_be_visible()
    page.get_by_label("Rule", exact=True).select_option("successive halving")
    expect(page.get_by_text("At each rung (after 1, 3, 9, ... epochs)")).to_be_visible()
    expect(page.get_by_label("Epochs without a rise")).to_be_hidden()

    page.get_by_role("button", name="sanity-loss").click()
    expect(page.get_by_label("Rule", exact=True)).to_have_value("")  # else it would contradict its one epoch
    expect(page.get_by_text("2 trials, about")).to_be_visible()
    expect(start).to_be_enabled()
    page.get_by_label("Rule", exact=True).select_option("successive halving")
    expect(start).to_be_disabled()
    preview = page.locator("#preview")
    expect(preview).to_have_attribute("data-empty", "The trials are drawn when the form is right.")

    page.get_by_role("button", name=re.compile("^coarse")).click()
    expect(start).to_be_enabled()
    page.get_by_label("Rule", exact=True).select_option("successive halving")
    page.get_by_label("Keep one in").fill("1")
    told = page.get_by_text("stopping.halving.factor must be a whole number from 2 to 100, not 1.")
    expect(told).to_be_visible()
    expect(page.get_by_label("Keep one in")).to_have_attribute("aria-invalid", "true")
    complaints.forgive("422")

    page.get_by_label("Keep one in").fill("3")
    page.get_by_label("Trials", exact=True).fill("9")
    page.get_by_label("First rung").fill("2")
    expect(told).to_be_hidden()
    expect(page.get_by_text("9 trials, about")).to_be_visible()
    start.click()

    saved = page.locator("#saved")
    expect(saved).to_contain_text("stopped early, which saved", timeout=60_000)
    expect(saved).to_contain_text(re.compile(r"epochs of training, about .* of one worker’s time\.$"))
    expect(page.locator("#state")).to_have_attribute("data-state", "finished", timeout=60_000)

    id = re.search(r"/sweeps/(\d+)", page.url)
    assert id is not None
    page.goto(f"/sweeps/new?from={id[1]}")
    expect(page.get_by_label("Rule", exact=True)).to_have_value("halving")
    expect(page.get_by_label("First rung")).to_have_value("2")


def test_a_clone_without_a_hidden_layer_has_none(
    open_page: Callable[..., Page], post_sweep: Callable[..., dict[str, Any]]
) -> None:
    sweep = post_sweep(settings={"epochs": 1, "val_count": 300, "hidden": []})
    page = open_page("/help")
    with page.expect_request("**/api/sweeps?dry_run=true") as asked:
        page.goto(f"/sweeps/new?from={sweep['id']}")
    assert asked.value.post_data_json["settings"]["hidden"] == []
