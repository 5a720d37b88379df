"""Bits: how much of what undo() needs is kept."""

from __future__ import annotations

from torchvis_widgets.steer.transaction import Transaction

__all__ = ["Bits"]


class Bits:
    """Gives up the bits of the oldest transactions, so that all together take at most `most` bytes; the newest stay."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._held: dict[Transaction, int] = {}
        self._total = 0

    def hold(self, transaction: Transaction) -> None:
        """This one, the newest, has new bits."""
        self._total -= self._held.pop(transaction, 0)
        self._held[transaction] = transaction.kept.nbytes() if transaction.kept is not None else 0
        self._total += self._held[transaction]
        while self._total > self.most and len(self._held) > 1:
            oldest = next(iter(self._held))
            self._total -= self._held.pop(oldest)
            oldest.kept = None
