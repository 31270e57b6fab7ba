"""Notice: one pass over a tick's decided rows that says which of them somebody has to look at, and why."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.compile import inline, kernel
from finsim.ids import NO_CODE, mix64
from finsim.ledger import WALLET

WATCHED: Final = 1
"""An agent or a bank's desk waits for it."""
FRIENDLY: Final = 2
"""The buyer will claim it back without right."""
BOGUS: Final = 4
"""The buyer will send something else back, or nothing."""
HONEST: Final = 8
"""The buyer will dispute it with right: it does not arrive, or is not what was promised."""
UNRECOGNISED: Final = 16
"""The buyer will not recognise it and dispute it in error."""
NEW_PAYEE: Final = 32
"""A transfer from an app or a site to an account that was not paid before."""
PAID_OUT: Final = 64
"""A withdrawal at a wallet agent, who takes a fee."""
LEAKED: Final = 128
"""A card that is used where details may leak."""
CLAIMED: Final = FRIENDLY | BOGUS | HONEST
UNIT: Final = 1.1102230246251565e-16
"""2 to the power of -53: 53 random bits become a uniform in [0, 1)."""


class Chances(NamedTuple):
    """Chances that a purchase comes back; C customers, K categories.

    Attributes:
        least: cents below which nobody disputes.
        most: the largest chance of all owners.
        friendly, bogus: (C,) float64 chance of each owner for one purchase.
        honest: chance of an honest dispute.
        returnable: (K + 1,) bool, categories in which goods can be returned.
        claim_key: uint64 that hides the draw of claims.
        error_key: uint64 that hides the draw of errors.
        error: uint64; a genuine purchase is disputed in error where the mix of its id is below.
    """

    least: int
    most: float
    friendly: NDArray[np.float64]
    bogus: NDArray[np.float64]
    honest: float
    returnable: NDArray[np.bool_]
    claim_key: np.uint64
    error_key: np.uint64
    error: np.uint64


@inline
def _claim(t, chances):  # type: ignore[no-untyped-def]
    """Return FRIENDLY, BOGUS, HONEST or 0 for an approved card purchase, one TRANSACTION."""
    u = (mix64(t.transaction_id, chances.claim_key) >> np.uint64(11)) * UNIT
    v = (mix64(t.transaction_id + np.uint64(1), chances.claim_key) >> np.uint64(11)) * UNIT
    if u >= chances.most and v >= chances.most and u <= 1.0 - chances.honest:
        return 0  # nobody's chance is so large: no need to look at the owner's
    if t.place >= 0 and u < chances.friendly[t.owner]:
        return FRIENDLY
    if t.category != pay.NONE and chances.returnable[t.category] and v < chances.bogus[t.owner]:
        return BOGUS
    return HONEST if t.place >= 0 and u > 1.0 - chances.honest else 0


@kernel
def notice(rows, chances, leaking, reasons):  # type: ignore[no-untyped-def]
    """Write why each row is looked at: a sum of the constants above.

    Args:
        rows: (n,) TRANSACTION, decided.
        chances: `Chances`.
        leaking: (M,) uint8, merchants at which something leaks.
        reasons: (n,) uint8, overwritten.
    """
    for i in range(rows.shape[0]):
        t = rows[i]
        found = 0
        if t.flags & pay.WATCHED or t.alert or t.decision == pay.HELD or t.truth or t.campaign >= 0:
            found = WATCHED
        if t.decision == pay.APPROVED:
            if t.rail == pay.CARD and t.kind == pay.PURCHASE:
                if t.campaign < 0 and t.amount >= chances.least and not t.flags & pay.REFUNDABLE:
                    found |= _claim(t, chances)
                genuine = t.truth == 0 and not found & FRIENDLY
                if genuine and mix64(t.transaction_id, chances.error_key) < chances.error:
                    found |= UNRECOGNISED
            elif t.rail == pay.WALLET and t.kind == pay.WITHDRAWAL:
                found |= PAID_OUT
            if t.rail == pay.CARD and t.merchant >= 0 and leaking[t.merchant]:
                used = t.kind == pay.PURCHASE or t.kind == pay.WITHDRAWAL
                if used and t.card != NO_CODE and t.slot != WALLET and t.campaign < 0:  # a wallet shows no card
                    found |= LEAKED
        if t.kind == pay.TRANSFER and t.flags & pay.NEW_PAYEE and (t.channel == pay.APP or t.channel == pay.ONLINE):
            found |= NEW_PAYEE
        reasons[i] = found
