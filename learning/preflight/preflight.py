"""The preflight: the lecture's checks, in order."""

from collections.abc import Iterator
from dataclasses import replace

from learning.data.dataset import Split
from learning.preflight.check_result import Check
from learning.preflight.data_checks import check_data, labels_are_valid
from learning.preflight.lr_probe import FIRST_HALF_DECADES, probe_rates
from learning.preflight.training_checks import (
    check_chance_loss,
    check_gradient,
    check_overfit_tiny,
    check_reg_raises_loss,
)
from learning.search.recipes import plan_recipe
from learning.settings import Settings

CHECK_CODES = ("data", "chance-loss", "reg-raises-loss", "gradient", "overfit-tiny", "lr-probe", "learns")
NETS_AT_ONCE = len(FIRST_HALF_DECADES)  # the largest number trained together
NET_SETTINGS = (
    "hidden",
    "activation",
    "init",
    "init_scale",
    "preprocess",
    "seed",
)  # settings that make it another net


def run_checks(split: Split, settings: Settings, dataset: str) -> Iterator[Check | None]:
    """Yield each check as soon as it is known, and None in between, where the caller may stop.

    Every check uses the split's preprocessing. settings.seed must be filled in. If the data check finds
    labels that no net can be trained on, it is the only one.
    """
    yield check_data(split)
    if not labels_are_valid(split):
        return
    yield check_chance_loss(split, settings)
    yield check_reg_raises_loss(split, settings)
    yield check_gradient(split, settings)
    yield from check_overfit_tiny(split, plan_tiny(settings, dataset))
    yield from probe_rates(split, settings)


def plan_tiny(settings: Settings, dataset: str) -> Settings:
    """The overfit-tiny recipe's numbers for the data set, with the net of `settings`."""
    recipe = Settings.parse(plan_recipe("overfit-tiny", dataset).settings)
    return replace(recipe, **{name: getattr(settings, name) for name in NET_SETTINGS})
