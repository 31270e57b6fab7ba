"""What a planned payment is, for its id: each source counts its own ordinals."""

from __future__ import annotations

from typing import Final

# Plain numbers: compiled code reads them as constants.
P_PURCHASE: Final = 0
P_WITHDRAWAL: Final = 1
P_BILL: Final = 2
P_INCOME: Final = 3
P_TRANSFER: Final = 4
P_SAVINGS: Final = 5
P_STATEMENT: Final = 6
P_FIRM: Final = 7
P_VERIFICATION: Final = 8
P_DEPOSIT: Final = 9
P_OCCASION: Final = 10
P_POOLING: Final = 11
P_WALLET: Final = 15
