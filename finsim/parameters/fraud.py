"""Fraud: rings, what they know, and the typologies."""

from __future__ import annotations

from finsim.parameters.fields import Model, param
from finsim.parameters.inside import (
    AgentFraud,
    ApplicationFraud,
    FriendlyFraud,
    Identities,
    MerchantCollusion,
    RefundAbuse,
    SimSwap,
    SyntheticIdentity,
)
from finsim.parameters.laundering import Laundering, PatternRate, Structuring
from finsim.parameters.scams import (
    AdvanceFeeScam,
    ImpersonationScam,
    InvestmentScam,
    InvoiceRedirection,
    PurchaseScam,
    RomanceScam,
)


class CardTesting(Model):
    """Batches of stolen card numbers are tried with small amounts; those that work are used after a rest."""

    rate: float = param(0.65, unit="campaigns/1000 customers/year", doc="batches that reach cards of the simulated customers", low=0.0, high=200.0, transform="log",
                        calibratable=True, source="assumption: leads to US-enumeration-per-adult, the US part of what enumeration costs a year; under one per cent of remote volume, BEHAVIOUR-025")  # fmt: skip
    cards: float = param(9.0, unit="card", doc="mean number of the simulated customers' cards in a batch", low=1.0, high=500.0, source="assumption: a batch of hundreds spreads over many issuers")
    amount_high: float = param(4.0, unit="USD", doc="largest test amount; a third of the tests are verifications of 0", low=0.5, high=50.0, source="assumption: zero or small amounts")
    gap_minutes: float = param(9.0, unit="minute", doc="median time between two tests of a batch", low=0.02, high=600.0, source="assumption: slow variant, 1 attempt in 2 to 30 minutes at a merchant")
    rest_hours: float = param(30.0, unit="hour", doc="median rest before a tested card is used", low=0.1, high=1000.0, source="assumption: minutes to days")


class CardNotPresent(Model):
    """Stolen card details are used for remote purchases."""

    rate: float = param(36.0, unit="campaigns/1000 customers/year", doc="cards used remotely without a test", low=0.0, high=1000.0, transform="log", calibratable=True,
                        source="assumption: with the other card typologies as many holders robbed as US-115 and US-116 say, times US-bjs-loss, and card fraud by value near US-020 and US-cards-2023")  # fmt: skip
    attempts: float = param(9.0, unit="count", doc="mean purchases tried on a card", low=1.0, high=50.0,
                            source="assumption: a case loses US-119 or US-118 in payments of US-019, six or so; some tries are declined, some holders notice first")  # fmt: skip
    burst_hours: float = param(1.3, unit="hour", doc="usual time between purchases on a card; a campaign's pace (0.7, 4 or 14) and care multiply it", low=0.02, high=200.0, source="assumption: three a day on a card that is misused, BEHAVIOUR-010, in bursts of half an hour to three days")
    amount_factor: float = param(1.75, unit="ratio", doc="amounts against genuine ones of the category", low=0.1, high=10.0, transform="log", calibratable=True,
                                 source="assumption: leads towards the mean fraudulent payment of US-019")  # fmt: skip
    half_life_days: float = param(35.0, unit="day", doc="time in which stolen details lose half their value", low=1.0, high=1000.0, source="assumption: value half-life of 20 to 60 days")


class LostStolen(Model):
    """A card is lost or stolen; some finders and thieves use it."""

    rate: float = param(55.0, unit="cards/1000 customers/year", doc="cards lost or stolen", low=0.0, high=1000.0, source="assumption: one in twenty loses a card in a year")
    misuse: float = param(0.16, unit="share", doc="lost cards that somebody uses", low=0.0, high=1.0, calibratable=True, source="assumption: with rate gives what UK-049 is beside UK-048, a quarter of remote card fraud")
    attempts: float = param(8.0, unit="count", doc="mean purchases tried on a found card", low=1.0, high=50.0, source="assumption: 3 to 12 in 0.2 to 12 hours")
    gap_minutes: float = param(28.0, unit="minute", doc="median time between purchases", low=0.1, high=1000.0, source="assumption: 3 to 12 in 0.2 to 12 hours")
    pin_known: float = param(0.1, unit="share", doc="thieves who saw the PIN", low=0.0, high=1.0, source="assumption: one in ten")
    notice_hours: float = param(14.0, unit="hour", doc="median time until the owner misses the card", low=0.1, high=500.0, source="assumption: hours to two days")


class Skimming(Model):
    """A device at a cash machine or a till copies cards, which are used as counterfeits or online."""

    rate: float = param(0.14, unit="devices/1000 customers/year", doc="devices that copy cards of the simulated customers", low=0.0, high=100.0, calibratable=True,
                        source="assumption: with capture gives a twentieth of card fraud")  # fmt: skip
    days: float = param(11.0, unit="day", doc="mean time a device stays", low=1.0, high=120.0, source="BEHAVIOUR-015")
    monetised: float = param(0.43, unit="share", doc="copied cards that are used", low=0.0, high=1.0, source="assumption: 10 to 50 per cent")
    wait_days: float = param(8.0, unit="day", doc="median time from copying to use", low=0.0, high=120.0, source="assumption: 1 to 45 days")
    cash_machine: float = param(0.6, unit="share", doc="devices at cash machines", low=0.0, high=1.0, source="BEHAVIOUR-018")
    online: float = param(0.6, unit="share", doc="copied cards used online rather than as counterfeits", low=0.0, high=1.0, source="assumption: chip terminals push counterfeits aside")
    attempts: float = param(6.0, unit="count", doc="mean uses of a counterfeit", low=1.0, high=20.0, source="assumption: 1 to 5 withdrawals, and more purchases")


class AccountTakeover(Model):
    """A stranger logs in, changes details, adds a payee and empties the account."""

    rate: float = param(10.0, unit="campaigns/1000 customers/year", doc="accounts taken over, failed attempts to move money included", low=0.0, high=200.0, transform="log",
                        calibratable=True, source="assumption: leads to US-zelle-fraud and US-ach-per-adult, transfers that strangers made; a third of the takeovers move money, a tenth of US-116")  # fmt: skip
    prepare_hours: float = param(20.0, unit="hour", doc="median time from first login to first money", low=0.05, high=500.0, source="assumption: with its spread, 40 per cent act within a day, BEHAVIOUR-007")
    transfers: float = param(2.4, unit="count", doc="mean transfers tried", low=1.0, high=20.0, source="assumption: 1 to 6")
    share_of_balance: float = param(0.5, unit="share", doc="median share of the balance that a transfer tries to take", low=0.01, high=1.0, source="assumption: several transfers drain 60 to 100 per cent")
    own_device: float = param(0.35, unit="share", doc="takeovers through the victim's own device (remote access)", low=0.0, high=1.0, source="assumption: remote-access malware and tools")


class Mules(Model):
    """Who receives stolen money and passes it on."""

    per_1000_customers: float = param(3.0, unit="mule/1000 customers", doc="customers who can be recruited as mules at any time", low=0.1, high=100.0, source="assumption: UK filings against bank customers, a few per thousand")
    outside: float = param(0.45, unit="share", doc="payments that go to mules at other banks", low=0.0, high=1.0, source="assumption: several banks share the mules of a ring")
    commission: float = param(0.08, unit="share", doc="what a mule keeps", low=0.0, high=0.5, source="assumption: 3 to 15 per cent")
    dwell_minutes: float = param(45.0, unit="minute", doc="median time that money rests with a mule", low=0.5, high=10000.0, source="assumption: 25 minutes on instant rails, hours on batch rails; four fifths out within 48 hours, BEHAVIOUR-037")
    dwell_log_sigma: float = param(1.4, unit="ln minute", doc="sigma of the log of that time", low=0.1, high=4.0, source="assumption: as dwell_minutes")
    life_days: float = param(30.0, unit="day", doc="mean time that a mule works for a ring", low=1.0, high=400.0, source="assumption: 5 to 60 days")


class Reporting(Model):
    """When fraud becomes known."""

    never_noticed: float = param(0.15, unit="share", doc="approved card fraud of small amounts that nobody notices", low=0.0, high=1.0, source="assumption: 5 to 15 per cent of small-value fraud")
    same_day: float = param(0.25, unit="share", doc="victims who see it in the app within a day", low=0.0, high=1.0, source="assumption: mixture of alerts, app and statement")
    median_days: float = param(6.0, unit="day", doc="median of the middle group", low=0.1, high=100.0, source="assumption: 45 per cent lognormal with a median of 6 days")
    late_share: float = param(0.3, unit="share", doc="victims who find it on a statement", low=0.0, high=1.0, source="assumption: 30 per cent lognormal with a median of 35 days")
    late_days: float = param(35.0, unit="day", doc="median of the late group", low=1.0, high=120.0, source="assumption: as late_share")
    false_claims_per_1000_customers: float = param(1.5, unit="claims/1000 customers/year", doc="genuine purchases disputed in error", low=0.0, high=100.0, source="assumption: forgotten purchases, unknown descriptors")


class Fraud(Model):
    """Rings and typologies. At `intensity` 1 the composition by value is in the range of published US figures."""

    intensity: float = param(1.0, unit="ratio", doc="how much fraud there is; smaller values are subsets of larger ones", low=0.0, high=20.0, source="design")
    rings: int = param(24, unit="ring", doc="rings at intensity 1; each works on a region larger than the simulated population", low=1, high=190, source="assumption: several dozen crews share a market")
    difficulty: float = param(0.60, unit="", doc="how careful thieves are: how well they imitate their victims, how long they wait and how thinly they spread; 0: in a hurry, 1: patient",
                              low=0.0, high=1.0, source="assumption: chosen so that detection by models is in the range of MODELPERF-013 to 045, docs/detectability.md")  # fmt: skip
    adaptation: float = param(1.0, unit="", doc="how strongly rings prefer what has paid; 0: not at all", low=0.0, high=10.0, source="design")
    displacement: float = param(0.6, unit="share", doc="effort that rings withdraw from what no longer pays and put elsewhere; the rest ceases", low=0.0, high=1.0, source="assumption: British remote purchase fraud rose in 2024 while scams fell, and the total moved little")
    copy_noise: float = param(0.25, unit="ln ratio", doc="spread with which rings misread what others say or do", low=0.0, high=2.0, source="assumption: hearsay")
    copied_per_year: float = param(12.0, unit="1/year", doc="how often a ring looks at another one and copies it if that fares better", low=0.0, high=365.0, source="assumption: crews share knowledge of rules")
    split_per_year: float = param(0.15, unit="1/year", doc="rings that split in two", low=0.0, high=12.0, source="assumption: a crew breaks up every few years")
    arrested_per_year: float = param(0.12, unit="1/year", doc="rings that are arrested", low=0.0, high=12.0, source="assumption: few rings are caught in a year")
    left_per_year: float = param(0.2, unit="1/year", doc="rings that give up, fewer while it pays and more when it does not; as many new ones come as end on average", low=0.0, high=12.0, source="assumption: crews last some years")
    victim_balance: float = param(300.0, unit="USD", doc="money on the account above which it is worth taking over", low=1.0, high=1e6, source="assumption: less does not pay a mule")
    breach_rate: float = param(3.5, unit="merchants/1000 customers/year", doc="breached online merchants", low=0.0, high=100.0, source="assumption: many shops are breached and few of their cards reach the market; steady, so that it stays supplied")
    phishing_rate: float = param(90.0, unit="customers/1000/year", doc="customers whose card details are phished, or leak from shops and lists outside the economy", low=0.0, high=1000.0, source="assumption: steady, and with breaches twice what is bought, so that the market of stolen details stays supplied")
    credential_price: float = param(12.0, unit="USD", doc="price of fresh and faultless card details; age, faults and an abundant market lower it, to 1 at least", low=1.0, high=1000.0, source="assumption: the dearest of the 1 to 12 USD that NordVPN (2021) found for details of US cards")
    ring_capital: float = param(2000.0, unit="USD", doc="money with which a ring begins", low=0.0, high=1e7, source="assumption: details for some weeks, devices and a mule's first commissions")
    card_testing: CardTesting = param(CardTesting(), unit="", doc="typology", source="design")
    card_not_present: CardNotPresent = param(CardNotPresent(), unit="", doc="typology", source="design")
    lost_stolen: LostStolen = param(LostStolen(), unit="", doc="typology", source="design")
    skimming: Skimming = param(Skimming(), unit="", doc="typology", source="design")
    account_takeover: AccountTakeover = param(AccountTakeover(), unit="", doc="typology", source="design")
    impersonation_scam: ImpersonationScam = param(ImpersonationScam(), unit="", doc="typology", source="design")
    sim_swap: SimSwap = param(SimSwap(), unit="", doc="typology", source="design")
    application_fraud: ApplicationFraud = param(ApplicationFraud(), unit="", doc="typology", source="design")
    synthetic_identity: SyntheticIdentity = param(SyntheticIdentity(), unit="", doc="typology", source="design")
    friendly_fraud: FriendlyFraud = param(FriendlyFraud(), unit="", doc="typology", source="design")
    refund_abuse: RefundAbuse = param(RefundAbuse(), unit="", doc="typology", source="design")
    merchant_collusion: MerchantCollusion = param(MerchantCollusion(), unit="", doc="typology", source="design")
    agent_fraud: AgentFraud = param(AgentFraud(), unit="", doc="typology", source="design")
    identities: Identities = param(Identities(), unit="", doc="identities in rings' hands", source="design")
    purchase_scam: PurchaseScam = param(PurchaseScam(), unit="", doc="typology", source="design")
    investment_scam: InvestmentScam = param(InvestmentScam(), unit="", doc="typology", source="design")
    romance_scam: RomanceScam = param(RomanceScam(), unit="", doc="typology", source="design")
    advance_fee_scam: AdvanceFeeScam = param(AdvanceFeeScam(), unit="", doc="typology", source="design")
    invoice_redirection: InvoiceRedirection = param(InvoiceRedirection(), unit="", doc="typology", source="design")
    structuring: Structuring = param(Structuring(), unit="", doc="laundering typology", source="design")
    fan_in: PatternRate = param(PatternRate(extra=3.0, window_days=4.0), unit="", doc="laundering typology", source="design")
    fan_out: PatternRate = param(PatternRate(extra=3.0), unit="", doc="laundering typology", source="design")
    cycle: PatternRate = param(PatternRate(rate=0.4, amount_median=2000.0), unit="", doc="laundering typology", source="design")
    scatter_gather: PatternRate = param(PatternRate(rate=0.5), unit="", doc="laundering typology", source="design")
    gather_scatter: PatternRate = param(PatternRate(rate=0.5), unit="", doc="laundering typology", source="design")
    bipartite: PatternRate = param(PatternRate(rate=0.4), unit="", doc="laundering typology", source="design")
    stack: PatternRate = param(PatternRate(rate=0.4, extra=1.5), unit="", doc="laundering typology", source="design")
    random: PatternRate = param(PatternRate(rate=0.4, amount_median=2000.0), unit="", doc="laundering typology", source="design")
    mule_cash_out: PatternRate = param(PatternRate(rate=1.2, extra=0.6, window_days=3.0, amount_median=1500.0), unit="", doc="laundering typology", source="design")
    laundering: Laundering = param(Laundering(), unit="", doc="what all patterns share", source="design")
    mules: Mules = param(Mules(), unit="", doc="mules", source="design")
    reporting: Reporting = param(Reporting(), unit="", doc="claims of victims", source="design")
