"""Hyperparameters set while the loop runs in the cell: a scheduler that overrides is said, and held off."""

from __future__ import annotations

from tests.browser.cells import SETUP, WATCH, end_training
from tests.browser.conftest import LAB_ALONE, OpenNotebook
from tests.browser.jupyter import wait_for
from tests.browser.views import Dashboard

pytestmark = LAB_ALONE

SCHEDULE = """
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
used = []
optimizer.register_step_pre_hook(lambda optimizer, *_: used.append(optimizer.param_groups[0]["lr"]))
optimizer.register_step_post_hook(lambda *_: scheduler.step())
"""
BUSY = "train(session, model, optimizer)"


def test_a_learning_rate_is_set_and_held_against_a_scheduler(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, WATCH, SCHEDULE, BUSY, height=1600)
    for cell in range(4):
        notebook.run_cell(cell)
    board = Dashboard(notebook, 1).ready()
    wait_for(lambda: board.status == "training", "the busy cell")
    panel = board.root.locator(".tvw-hyperparameter-sliders")
    rate = panel.get_by_label("lr, typed", exact=True)
    rate.fill("0.01")
    rate.press("Enter")
    remark = panel.locator(".tvw-hyper-remark")
    wait_for(lambda: "LambdaLR set lr back to 0.05" in " ".join(remark.all_inner_texts()), "what the scheduler did")
    assert 0.01 not in notebook.kernel_eval("used[-3:]")

    remark.get_by_role("button", name="Hold 0.01").click()
    wait_for(lambda: notebook.kernel_eval("used[-5:]") == [0.01] * 5, "five steps in a row with the held value")
    wait_for(lambda: rate.input_value() == "0.01", "the held value in its field")
    assert "held at 0.01 against LambdaLR" in remark.inner_text()
    wait_for(lambda: board.marks_on_plot() >= 1, "the change's mark on the loss plot")

    panel.get_by_role("button", name="Hyperparameters").click()
    decay = panel.get_by_label("weight_decay", exact=True)
    decay.press("ArrowRight")
    wait_for(lambda: notebook.kernel_eval("optimizer.param_groups[0]['weight_decay']") == 1e-7, "the key's value")
    momentum = panel.get_by_label("momentum, typed", exact=True)
    momentum.fill("-1")
    momentum.press("Enter")
    wait_for(lambda: panel.locator(".tvw-refused").count() == 1, "the refusal")
    assert "momentum takes a finite number that is not negative; found -1" in panel.locator(".tvw-refused").inner_text()
    assert notebook.kernel_eval("optimizer.param_groups[0]['momentum']") == 0

    decay.press("u")
    wait_for(lambda: notebook.kernel_eval("optimizer.param_groups[0]['weight_decay']") == 0, "the undo")
    end_training(notebook)
    notebook.wait_idle()
    assert notebook.errors == []
