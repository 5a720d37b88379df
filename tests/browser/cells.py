"""Notebook cells of the small tests: a model of two layers, and a loop that goes on until it is told to end."""

from __future__ import annotations

from tests.browser.jupyter import NotebookPage

SETUP = """
import time
import torch
from torch import nn
import torchvis_widgets as tvw

torch.manual_seed(0)
images, labels = torch.rand(400, 1, 8, 8), torch.arange(400) % 3
batches = list(zip(images.split(16), labels.split(16)))
criterion = nn.CrossEntropyLoss()

def net():
    model = nn.Sequential()
    model.conv = nn.Conv2d(1, 4, 3)
    model.relu = nn.ReLU()
    model.flatten = nn.Flatten()
    model.fc = nn.Linear(4 * 6 * 6, 3)
    return model, torch.optim.SGD(model.parameters(), lr=0.05)

def train(session, model, optimizer, epochs=1000):
    for epoch in session.epochs(epochs):
        for x, y in session.batches(batches):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            session.log({"train/loss": loss})
            time.sleep(pause)
        if done:
            break

done, pause = False, 0.02
model, optimizer = net()
"""
WATCH = """
session = tvw.watch(model, optimizer, criterion, probe=(images[:6], labels[:6]), classes=["a", "b", "c"])
session
"""
START = "session.start(train, session, model, optimizer)"


def end_training(notebook: NotebookPage) -> None:
    """Let the loop end with its epoch."""
    notebook.kernel_eval("globals().update(done=True)")
