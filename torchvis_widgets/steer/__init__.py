"""What may be changed while training runs. Knows no widget."""

from __future__ import annotations

from torchvis_widgets.steer.edits import Edit, EditError, EditLog, Transaction, apply
from torchvis_widgets.steer.mailbox import Mailbox

__all__ = ["Edit", "EditError", "EditLog", "Mailbox", "Transaction", "apply"]
