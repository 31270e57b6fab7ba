"""Cards and devices over time: issue, expiry, block, reissue, activation; which devices a customer has used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from finsim.clock import DAY

if TYPE_CHECKING:
    from finsim.economy import Economy

VALID_DAYS = 4 * 365
"""Cards are valid for four years (assumption: usual practice of issuers)."""
REISSUES = 60
"""Most reissues of one card that its id can count."""
DEBIT, CREDIT = 0, 2


def held_bit(slot: int) -> np.uint8:
    """Return the bit of a card in the columns `cards` and `lost_card` of a customer."""
    return np.uint8(4 if slot == CREDIT else 1)


def column(slot: int, what: str) -> str:
    """Return the column of a customer that says of a card whether it is `blocked`, or its `ordinal`."""
    return f"{'credit' if slot == CREDIT else 'debit'}_{what}"


def card_of(code: int) -> tuple[int, int]:
    """Return (customer row, account slot) of the packed code of a card."""
    return code >> 7, CREDIT if code & 64 else DEBIT


class CardBook:
    """When each present card was issued, and all cards and devices of the past.

    Args:
        economy: the economy whose customers hold them.
    """

    def __init__(self, economy: Economy) -> None:
        self.economy = economy
        birth = economy.world.birth
        self.issued = np.stack([birth.debit_issued, birth.credit_issued], axis=1).astype(np.int64) * DAY
        self.expiry = (self.issued // DAY + VALID_DAYS).astype(np.int32)
        self.past: list[tuple[int, int, int, int, int]] = []  # customer, slot, ordinal, issued, blocked (0: expired)
        self.handed_on = 0  # past cards that were taken off the list since the economy was made
        self.devices: list[tuple[int, int, int]] = []  # customer, ordinal, first seen

    def ordinal(self, customer: int, slot: int) -> int:
        """Return how often a card was reissued so far."""
        return int(self.economy.world.customers.data[column(slot, "ordinal")][customer])

    def lose(self, customer: int, slot: int, at: int) -> bool:
        """Take a card out of its owner's hands from a time on; what needs no plastic goes on, until it is blocked.

        False, and nothing happens, while another or the same one is lost already.
        """
        data = self.economy.world.customers.data
        if data["lost_card"][customer]:
            return False
        data["lost_card"][customer], data["lost_at"][customer] = held_bit(slot), at
        return True

    def at_hand(self, customer: int, slot: int, at: int) -> bool:
        """Return whether the customer can put in or tap a card at a time: it is held, not blocked and not lost."""
        data = self.economy.world.customers.data
        lost = data["lost_card"][customer] & held_bit(slot) and at >= data["lost_at"][customer]
        return self.works(customer, slot) and not lost

    def code(self, customer: int, slot: int) -> int:
        """Return the packed code of the present card."""
        return customer << 7 | (64 if slot == CREDIT else 0) | self.ordinal(customer, slot)

    def holds(self, customer: int, slot: int) -> bool:
        """Return whether the customer has joined, has not left, and has a card on this account, blocked or not."""
        data = self.economy.world.customers.data
        there = data["since_day"][customer] <= self.economy.day and not data["tombstone"][customer]
        return bool(there and data["cards"][customer] & held_bit(slot))

    def works(self, customer: int, slot: int) -> bool:
        """Return whether the customer holds a card on this account that is not blocked."""
        return self.holds(customer, slot) and not self.economy.world.customers.data[column(slot, "blocked")][customer]

    def may_be_blocked(self, code: int) -> bool:
        """Return whether a packed code is that of a present card that works."""
        customer, slot = card_of(code)
        present = self.works(customer, slot) and self.code(customer, slot) == code
        return present and self.ordinal(customer, slot) < REISSUES

    def block(self, code: int, at: int) -> bool:
        """Block a card by its packed code; False if it is not one that could be blocked."""
        if not self.may_be_blocked(code):
            return False
        customer, slot = card_of(code)
        at = max(at, self.economy.now)
        self.economy.world.customers.data[column(slot, "blocked")][customer] = 1
        self.past.append((customer, slot, self.ordinal(customer, slot), int(self.issued[customer, slot // 2]), at))
        self.economy.log.event(at, customer, "card_blocked", slot=slot)
        return True

    def reissue(self, customer: int, slot: int, at: int) -> None:
        """Put a new card in the place of a blocked one, unless the account was closed since."""
        if not self.holds(customer, slot):
            return
        at = min(at, self.economy.now)
        self._next(customer, slot, at)
        self.economy.world.customers.data[column(slot, "blocked")][customer] = 0
        self.economy.log.event(at, customer, "card_issued", slot=slot)
        self.economy.log.event(at, customer, "card_activated", slot=slot)

    def expire(self, day: int) -> None:
        """Replace the cards that expire on a day; the new one came by post before."""
        data = self.economy.world.customers.data
        for slot in (DEBIT, CREDIT):
            for customer in np.flatnonzero(self.expiry[:, slot // 2] == day).tolist():
                held, ordinal = data["cards"][customer] & held_bit(slot), self.ordinal(customer, slot)
                if not held or data[column(slot, "blocked")][customer] or ordinal >= REISSUES:
                    continue
                self.past.append((customer, slot, ordinal, int(self.issued[customer, slot // 2]), 0))
                self._next(customer, slot, day * DAY)
                self.economy.log.event(day * DAY, customer, "card_issued", slot=slot)

    def _next(self, customer: int, slot: int, at: int) -> None:
        data = self.economy.world.customers.data
        data[column(slot, "ordinal")][customer] += 1
        data["lost_card"][customer] &= ~held_bit(slot)
        self.issued[customer, slot // 2] = at
        self.expiry[customer, slot // 2] = at // DAY + VALID_DAYS

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a checkpoint keeps."""
        return {}, {
            "issued": self.issued,
            "past": np.array(self.past, dtype=np.int64).reshape(-1, 5),
            "devices": np.array(self.devices, dtype=np.int64).reshape(-1, 3),
        }

    def restore(self, values: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.issued = arrays["issued"].copy()
        self.expiry = (self.issued // DAY + VALID_DAYS).astype(np.int32)
        self.past = [tuple(row) for row in arrays["past"].tolist()]
        self.devices = [tuple(row) for row in arrays["devices"].tolist()]
