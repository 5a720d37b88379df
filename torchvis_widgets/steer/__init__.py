"""What may be changed while training runs. Knows no widget."""

from __future__ import annotations

from torchvis_widgets.steer.edits import Edit, EditError, Op
from torchvis_widgets.steer.log import EditLog
from torchvis_widgets.steer.mailbox import Mailbox
from torchvis_widgets.steer.packed import Packed
from torchvis_widgets.steer.preview import apply
from torchvis_widgets.steer.transaction import Transaction

__all__ = ["Edit", "EditError", "EditLog", "Mailbox", "Op", "Packed", "Transaction", "apply"]
