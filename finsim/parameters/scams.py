"""Authorised push payment scams: how many, of whom, how much, and what becomes of the claims.

Arithmetic of the rates. Published cases are reported ones; a rate is cases per 1,000 US adults (US-adults) divided by the
share of victims who report, then moved until losses a person and year are those that were reported
(docs/composition.md). Losses that were paid by bank transfer or in cryptocurrency, which is bought by bank transfer, are
US-scams-paid of all reported losses; where a figure does not say how victims paid, this part of it concerns the accounts
that are simulated.
"""

from __future__ import annotations

from typing import Any

from finsim.parameters.fields import Model, param


def _rate(value: float, source: str) -> Any:
    return param(value, unit="campaigns/1000 customers/year", doc="victims who try to pay", low=0.0, high=200.0, transform="log", calibratable=True, source=source)


def _median(value: float, doc: str, source: str) -> Any:
    return param(value, unit="USD", doc=doc, low=10.0, high=1e6, transform="log", calibratable=True, source=source)


def _sigma(value: float, source: str) -> Any:
    return param(value, unit="ln USD", doc="sigma of the log of that amount", low=0.0, high=2.5, source=source)


def _age(value: float, who: str, source: str) -> Any:
    return param(value, unit="ratio", doc=f"how often customers {who} are chosen, against the other ages", low=0.0, high=10.0, source=source)


def _funds(value: float, source: str) -> Any:
    return param(value, unit="USD", doc="least that a victim has on checking and savings accounts", low=0.0, high=1e6, source=source)


def _persistence(value: float, source: str) -> Any:
    return param(value, unit="share", doc="victims who go on after the bank declined or held a payment: with a smaller amount, or with the next one", low=0.0, high=1.0, source=source)


def _never(value: float, source: str) -> Any:
    return param(value, unit="share", doc="victims who never tell their bank", low=0.0, high=1.0, source=source)


def _realise(value: float, source: str) -> Any:
    return param(value, unit="day", doc="median time from the first payment until the victim understands and reports", low=0.01, high=1000.0, source=source)


def _spread(value: float, source: str) -> Any:
    return param(value, unit="ln day", doc="sigma of the log of that time", low=0.0, high=3.0, source=source)


def _reimbursed(value: float, source: str) -> Any:
    return param(value, unit="ratio", doc="claims reimbursed, against banks.scam_reimbursed; the customer bears the rest", low=0.0, high=10.0, source=source)


def _raises(value: float, source: str) -> Any:
    return param(value, unit="share", doc="victims who draw on retirement savings or borrow when their accounts do not suffice", low=0.0, high=1.0, source=source)


def _raised(value: float, source: str) -> Any:
    return param(value, unit="share", doc="most that such a victim raises of a nest egg and a loan; each up to a share drawn below it", low=0.0, high=1.0, source=source)


class PurchaseScam(Model):
    """Goods that do not exist, paid in advance to a private seller or in a shop that never delivers."""

    rate: float = _rate(3.4, "assumption: US-053 at a mean of 690 USD (UK-037) is 0.63 million cases, 2.3 for 1,000 adults (UK-036 gives 2.8); 0.7 of them reported")
    amount_median: float = _median(310.0, "median price", "assumption: with sigma and the second payments a mean loss of 690 USD, UK-037")
    amount_log_sigma: float = _sigma(1.4, "assumption: prices of half to ten times the usual payment")
    second_payment: float = param(0.4, unit="share", doc="victims who are asked for a fee (shipping, insurance, customs) afterwards", low=0.0, high=1.0, source="assumption: 1.3 to 1.5 payments a case")
    card: float = param(0.4, unit="share", doc="purchases paid by card in a shop online, the rest by transfer to a person", low=0.0, high=1.0, source="assumption: US victims pay shops by card and sellers by payment app")
    under_30: float = _age(1.3, "under 30", "assumption: US-064, 44 per cent of reporters in their twenties lose money")
    from_30: float = _age(1.2, "of 30 to 44", "assumption: victims of 20 to 45 lead")
    from_45: float = _age(1.0, "of 45 to 59", "assumption: all ages occur")
    from_60: float = _age(0.7, "of 60 to 74", "assumption: US-065, 24 per cent of reporters in their seventies lose money")
    from_75: float = _age(0.3, "of 75 and more", "assumption: US-065, and fewer of them buy from strangers")
    funds: float = _funds(200.0, "assumption: the price of something")
    persistence: float = _persistence(0.5, "assumption: half find another way to pay")
    never_reported: float = _never(0.3, "assumption: small losses are put down to experience")
    realise_days: float = _realise(10.0, "assumption: 3 to 30 days, until the parcel should have come")
    realise_log_sigma: float = _spread(0.6, "assumption: 3 to 30 days")
    reimbursed: float = _reimbursed(0.8, "assumption: banks see a quarrel about goods")
    chargeback: float = param(0.75, unit="share", doc="claims about card purchases that are charged back and reimbursed: goods not received", low=0.0, high=1.0, source="assumption: schemes side with the holder where the shop does not answer")


class InvestmentScam(Model):
    """A platform that shows profits: a small test, a returned profit, growing deposits, a fee to withdraw."""

    rate: float = _rate(0.3, "assumption: leads to US-investment-per-adult at a mean near UK-090; UK-042 gives 0.19 reported cases, 0.65 of all")
    test_median: float = _median(400.0, "median of the first small payment", "assumption: usual smallest deposit of such platforms")
    amount_median: float = _median(26000.0, "median of all deposits together, if the victim goes on to the end", "assumption: US-057 is the median of what is lost, above 9,000; some victims stop early or have less")
    amount_log_sigma: float = _sigma(1.5, "assumption: US-068, most of the money is lost in the largest cases")
    growth: float = param(2.0, unit="ratio", doc="mean growth from one deposit to the next", low=1.0, high=10.0, source="assumption: 1.5 to 3")
    deposits: float = param(3.5, unit="count", doc="mean deposits after the test", low=1.0, high=20.0, source="assumption: 3 to 6")
    interval_days: float = param(8.0, unit="day", doc="median time between payments", low=0.1, high=200.0, source="assumption: a relation of 7 to 120 days")
    payout: float = param(0.65, unit="share", doc="victims who get a profit paid back after the test", low=0.0, high=1.0, source="assumption: a small profit is paid early")
    fee: float = param(0.4, unit="share", doc="victims who pay a fee or tax to withdraw at the end", low=0.0, high=1.0, source="assumption: asked of all who want their money, paid by less than half")
    exchange: float = param(0.45, unit="share", doc="victims who pay to an exchange, where the money is turned into cryptocurrency; the rest pay mules", low=0.0, high=1.0, source="assumption: US-052 / (US-051 + US-052)")
    savings_share: float = param(0.85, unit="share", doc="most that a victim gives of what is on the accounts", low=0.0, high=1.0, source="assumption: savings are broken, not all of them")
    raises: float = _raises(0.4, "assumption: few go beyond their accounts; US-068, most of the money is lost in the largest cases")
    raised_share: float = _raised(1.0, "assumption: who goes so far may lose everything")
    under_30: float = _age(0.5, "under 30", "assumption: victims of 45 to 75 lead")
    from_30: float = _age(0.9, "of 30 to 44", "assumption: US-087, less lost than at 50 to 59")
    from_45: float = _age(1.3, "of 45 to 59", "assumption: US-086")
    from_60: float = _age(1.4, "of 60 to 74", "assumption: US-085")
    from_75: float = _age(1.2, "of 75 and more", "assumption: victims of 45 to 75 lead")
    funds: float = _funds(15000.0, "assumption: who has something to invest")
    persistence: float = _persistence(0.82, "assumption: convinced, and coached against the bank's questions")
    never_reported: float = _never(0.35, "assumption: shame, 20 to 60 per cent")
    realise_days: float = _realise(75.0, "assumption: 30 to 300 days after the first payment")
    realise_log_sigma: float = _spread(0.65, "assumption: 30 to 300 days")
    reimbursed: float = _reimbursed(0.6, "assumption: the victim chose the platform")


class RomanceScam(Model):
    """A beloved whom nobody has met: many payments over months that grow, and a last large one."""

    rate: float = _rate(0.38, "assumption: US-romance-reports are 0.16 for 1,000 adults where paid by transfer or cryptocurrency, 0.55 of all; moved until US-romance-per-adult lies between what 90 days and what 300 days of data give")
    first_median: float = _median(45.0, "median of the first payment, which is 20 USD at least", "assumption: a gift or a telephone card, for some a ticket; with the growth US-romance-median")
    amount_log_sigma: float = _sigma(2.5, "assumption: as first_median; US-romance-losses over US-romance-reports is four times US-romance-median")
    growth: float = param(1.55, unit="ratio", doc="mean growth from one payment to the next", low=1.0, high=5.0, source="assumption: from a little to thousands in ten payments; US-romance-median")
    payments: float = param(13.0, unit="count", doc="mean payments if nothing ends it", low=2.0, high=60.0, source="assumption: 8 to 12, some cut short when the victim understands")
    interval_days: float = param(7.0, unit="day", doc="median time between payments", low=0.1, high=200.0, source="assumption: 60 to 300 days for all of them; 8 to 12 are made before half of the victims understand")
    final: float = param(3.0, unit="ratio", doc="the last payment against the one before", low=1.0, high=20.0, source="assumption: a last emergency, later loans")
    raises: float = _raises(0.5, "assumption: US-romance-losses over US-romance-reports is four times US-romance-median")
    raised_share: float = _raised(1.0, "assumption: everything is given in the end")
    under_30: float = _age(0.5, "under 30", "assumption: victims of 40 to 75 lead")
    from_30: float = _age(0.9, "of 30 to 44", "assumption: victims of 40 to 75 lead")
    from_45: float = _age(1.4, "of 45 to 59", "assumption: victims of 40 to 75 lead")
    from_60: float = _age(1.3, "of 60 to 74", "assumption: victims of 40 to 75 lead")
    from_75: float = _age(1.1, "of 75 and more", "assumption: victims of 40 to 75 lead")
    funds: float = _funds(10000.0, "assumption: who has something to give")
    persistence: float = _persistence(0.92, "assumption: defends the beloved against the bank")
    never_reported: float = _never(0.45, "assumption: shame, 20 to 60 per cent")
    realise_days: float = _realise(120.0, "assumption: 30 to 300 days after the first payment")
    realise_log_sigma: float = _spread(0.65, "assumption: 30 to 300 days")
    reimbursed: float = _reimbursed(0.8, "assumption: pity, and warnings that were given")


class AdvanceFeeScam(Model):
    """A loan, a prize or a job that needs a fee first, then another one, always to the same account."""

    rate: float = _rate(1.2, "assumption: with the other scams US-zelle-scams and US-scams-per-adult; an eighth of UK-032 would be 0.85")
    fee_median: float = _median(200.0, "median of the first fee", "assumption: with growth and number a loss of about 1,000 USD a case")
    fee_log_sigma: float = _sigma(0.7, "assumption: fees of a hundred to a thousand")
    growth: float = param(1.5, unit="ratio", doc="growth from one fee to the next", low=1.0, high=10.0, source="assumption: a ladder of fees")
    fees: float = param(3.0, unit="count", doc="mean fees if nothing ends it", low=1.0, high=20.0, source="assumption: 2 to 4")
    interval_days: float = param(2.5, unit="day", doc="median time between fees", low=0.05, high=60.0, source="assumption: all within two weeks")
    low_income: float = param(0.5, unit="", doc="how much less often each higher income band is chosen: the factor for one band", low=0.01, high=2.0, source="assumption: victims have a low income")
    under_30: float = _age(1.2, "under 30", "assumption: who needs a loan or a job")
    from_30: float = _age(1.1, "of 30 to 44", "assumption: who needs a loan or a job")
    from_45: float = _age(0.9, "of 45 to 59", "assumption: who needs a loan or a job")
    from_60: float = _age(0.6, "of 60 to 74", "assumption: prizes and inheritances find the older")
    from_75: float = _age(0.3, "of 75 and more", "assumption: few look for a loan or a job")
    funds: float = _funds(250.0, "assumption: the first fee")
    persistence: float = _persistence(0.5, "assumption: half find another way to pay")
    never_reported: float = _never(0.4, "assumption: shame and small sums, 20 to 60 per cent")
    realise_days: float = _realise(16.0, "assumption: when no loan comes after two weeks")
    realise_log_sigma: float = _spread(0.6, "assumption: a week to a month and a half")
    reimbursed: float = _reimbursed(0.8, "assumption: the payments were the victim's own")


class InvoiceRedirection(Model):
    """A firm pays a supplier's invoice to an account that a forged message named: business e-mail compromise."""

    rate: float = _rate(0.1, "assumption: US-078 for 1,000 adults is 0.08, all of them firms here; 0.8 of them reported, and some come to nothing; leads to US-bec-per-adult")
    wait_days: float = param(15.0, unit="day", doc="median time that the mail is read before the forged message", low=0.5, high=200.0, source="assumption: 3 to 60 days")
    look_back_days: int = param(75, unit="day", doc="how far back the reader sees invoices", low=7, high=365, source="assumption: a mailbox of some months")
    exact: float = param(0.7, unit="share", doc="forged invoices with exactly the amount of the genuine one; the rest differ by a few per cent", low=0.0, high=1.0, source="assumption: the genuine invoice is copied")
    aimed: float = param(0.65, unit="share", doc="campaigns aimed at large firms and invoices; the others take what mail they come upon", low=0.0, high=1.0, source="assumption: leads to US-079, a mean far above a usual invoice, while many cases are small")
    large_firms: float = param(3.0, unit="", doc="firms that are aimed at are chosen by what they pay to this power", low=0.0, high=5.0, source="assumption: as aimed; who aims, aims at the largest")
    large: float = param(4.0, unit="", doc="invoices of a firm that is aimed at are chosen by their size to this power", low=0.0, high=5.0, source="assumption: as aimed")
    second_payment: float = param(0.3, unit="share", doc="firms that pay the next invoice there too", low=0.0, high=1.0, source="assumption: 1 to 2 payments")
    funds: float = _funds(500.0, "assumption: a firm that pays invoices")
    persistence: float = _persistence(0.5, "assumption: half ring the supplier when the bank asks")
    never_reported: float = _never(0.2, "assumption: the unpaid supplier brings it up")
    realise_days: float = _realise(18.0, "assumption: 7 to 45 days, when the supplier asks for the money")
    realise_log_sigma: float = _spread(0.55, "assumption: 7 to 45 days")
    reimbursed: float = _reimbursed(0.4, "assumption: US rules protect consumers, not firms")


class ImpersonationScam(Model):
    """A caller who claims to be the bank or the police talks the victim into payments to mules."""

    rate: float = _rate(2.1, "assumption: leads to US-imposter-per-adult at the mean loss of 3,000 USD that accounts bear; 0.65 of it reported")
    payments: float = param(2.4, unit="count", doc="mean payments of a victim", low=1.0, high=20.0, source="assumption: 2 to 4 within three hours, all APP scams 2.04, UK-087")
    amount_median: float = _median(1700.0, "median of all payments together, as far as the money is there", "assumption: what is lost then lies between US-056 (contact by phone) and US-067 (the same at 60 and more)")
    amount_log_sigma: float = _sigma(1.5, "assumption: heavy tail of losses, US-068; accounts cut it off")
    amount_older: float = param(1.5, unit="ratio", doc="that median for victims of 60 and more, against the others", low=0.1, high=10.0, source="assumption: US-067 / US-056, the medians of contact by phone at 60 and more and at any age, 1.47")
    gap_minutes: float = param(35.0, unit="minute", doc="median time between payments", low=1.0, high=1000.0, source="assumption: all of them within three hours")
    savings: float = param(0.5, unit="share", doc="victims who are told to move savings to checking first, whether they need to or not", low=0.0, high=1.0, source="assumption: savings to current account to mule is the usual way")
    savings_share: float = param(0.9, unit="share", doc="most that a victim gives of what is on the accounts", low=0.0, high=1.0, source="assumption: accounts are drained")
    remote_access: float = param(0.3, unit="share", doc="calls in which the caller works on the victim's own device", low=0.0, high=1.0, source="assumption: US-080, tech support")
    under_30: float = _age(0.6, "under 30", "assumption: victims of 50 and more lead")
    from_30: float = _age(0.7, "of 30 to 44", "assumption: victims of 50 and more lead")
    from_45: float = _age(1.0, "of 45 to 59", "assumption: victims of 50 and more lead")
    from_60: float = _age(1.4, "of 60 to 74", "assumption: US-088, victims of 50 and more lead")
    from_75: float = _age(2.6, "of 75 and more", "assumption: US-071, what the oldest lose is what callers take; victims of 50 and more lead")
    funds: float = _funds(2000.0, "assumption: an account worth a call")
    persistence: float = _persistence(0.7, "assumption: the caller stays on the line")
    never_reported: float = _never(0.35, "assumption: two thirds of victims of misuse told their bank, US-121; fewer of those who paid themselves")
    realise_days: float = _realise(0.8, "assumption: hours to three days")
    realise_log_sigma: float = _spread(1.3, "assumption: hours to three days")
    reimbursed: float = _reimbursed(1.4, "assumption: banks are blamed when their name was used")
