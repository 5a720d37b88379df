"""What there is to tell of a model that nothing has been run through yet."""

from __future__ import annotations

from torch import nn

from torchvis_widgets.look.tracing.graph import Graph, Module
from torchvis_widgets.look.tracing.module_table import CONTAINERS
from torchvis_widgets.look.tracing.sizes import Size, sizes_by_path
from torchvis_widgets.look.tracing.walk import class_name

NOT_YET = "nothing has been run through the model yet: train for one step, or give watch() a probe=(images, labels)"


def untraced(model: nn.Module) -> Graph:
    """The graph of a pass that has not been made: the modules and their parameters, and no calls."""
    sizes = sizes_by_path(model)
    modules = (_module(path, each, sizes[path]) for path, each in model.named_modules(remove_duplicate=False))
    return Graph(tuple(modules), error=NOT_YET)


def _module(path: str, module: nn.Module, size: Size) -> Module:
    return Module(
        path=path,
        name=path.rpartition(".")[2] or class_name(module),
        type=class_name(module),
        depth=path.count(".") + 1 if path else 0,
        shape="",
        parameters=size.elements,
        bytes=size.bytes,
        trainable=any(each.requires_grad for each in module.parameters()),
        calls=0,
        macs=0,
        seconds=0.0,
        memory=0,
        children=any(True for _ in module.children()),
        container=isinstance(module, CONTAINERS),
        features=None,
        batch_first=None,
        patches=False,
        keys=(),
        tied=(),
        note="",
    )
