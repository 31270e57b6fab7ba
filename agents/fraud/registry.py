"""Which typologies there are: the project's own, and those that other distributions offer.

An outside typology is an object with the attributes of `finsim.agents.fraud.campaign.Typology`, named in
the entry point group `finsim.typologies`.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import entry_points

from finsim.agents.fraud.account_takeover import AccountTakeover
from finsim.agents.fraud.advance_fee_scam import AdvanceFeeScam
from finsim.agents.fraud.agent_fraud import AgentFraud
from finsim.agents.fraud.application_fraud import ApplicationFraud
from finsim.agents.fraud.campaign import Typology
from finsim.agents.fraud.card_not_present import CardNotPresent
from finsim.agents.fraud.card_testing import CardTesting
from finsim.agents.fraud.friendly_fraud import FriendlyFraud
from finsim.agents.fraud.impersonation_scam import ImpersonationScam
from finsim.agents.fraud.investment_scam import InvestmentScam
from finsim.agents.fraud.invoice_redirection import InvoiceRedirection
from finsim.agents.fraud.laundering import TYPOLOGIES
from finsim.agents.fraud.lost_stolen import LostStolen
from finsim.agents.fraud.merchant_collusion import MerchantCollusion
from finsim.agents.fraud.purchase_scam import PurchaseScam
from finsim.agents.fraud.refund_abuse import RefundAbuse
from finsim.agents.fraud.romance_scam import RomanceScam
from finsim.agents.fraud.sim_swap import SimSwap
from finsim.agents.fraud.skimming import Skimming
from finsim.agents.fraud.synthetic_identity import SyntheticIdentity


@lru_cache(maxsize=1)
def registry() -> dict[str, Typology]:
    """Return all typologies by name, the project's own first."""
    own: list[Typology] = [
        CardTesting(),
        CardNotPresent(),
        LostStolen(),
        Skimming(),
        AccountTakeover(),
        ImpersonationScam(),
        SimSwap(),
        ApplicationFraud(),
        SyntheticIdentity(),
        FriendlyFraud(),
        RefundAbuse(),
        MerchantCollusion(),
        AgentFraud(),
        PurchaseScam(),
        InvestmentScam(),
        RomanceScam(),
        AdvanceFeeScam(),
        InvoiceRedirection(),
        *(laundering() for laundering in TYPOLOGIES),
    ]
    found = {typology.name: typology for typology in own}
    for point in sorted(entry_points(group="finsim.typologies"), key=lambda p: p.name):
        found.setdefault(point.name, point.load())
    return found
