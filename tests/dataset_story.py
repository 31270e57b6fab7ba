"""A story of five customers, three merchants, a thief and a mule, told through the builder's ledger.

The genuine requests are the same, with the same ids, whether or not the two campaigns happen: two stories are twins.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from dataset_builder import FAR, LONG_AGO, START, Builder, at, number

ANNA, BEN, CARLA, DORA, FIRM = CUSTOMERS = (11, 12, 13, 14, 15)
SHOP, CLUB, BAKERY = 31, 32, 33
MCC = {SHOP: 5411, CLUB: 5732, BAKERY: 5462}
CASH, EMPLOYER, LOSS, INCOME, ACQUIRER, STRANGER = 901, 902, 903, 904, 905, 906
CARD_CAMPAIGN, SCAM, RING = 71, 72, 81
THIEFS_DEVICE = 599
BLOCKED, RENEWED = at(1, "18:00"), at(2, "10:00")


def checking(customer: int) -> int:
    return customer * 10


def savings(customer: int) -> int:
    return customer * 10 + 1


def credit(customer: int) -> int:
    return customer * 10 + 2


def receivable(merchant: int) -> int:
    return merchant * 10


class Story(Builder):
    """Four days of five people.

    Args:
        fraud: whether the two campaigns happen.
        seed: of the everyday purchases.
        shoppers: how many everyday purchases there are.
    """

    def __init__(self, *, fraud: bool = True, seed: int = 1, shoppers: int = 200) -> None:
        super().__init__(seed)
        self.fraud = fraud
        self.scenario["fraud"]["intensity"] = 1.0 if fraud else 0.0
        self._people()
        self._outside()
        self._everyday(random.Random(seed), shoppers)
        self._life()
        self._reviews()
        self._merchants()
        if fraud:
            self._card_fraud()
            self._scam()
            self._campaigns()
        self.run()

    def _people(self) -> None:
        for c in CUSTOMERS:
            firm = c == FIRM
            self.tables["customers"].append({
                "customer_id": c, "segment": "business" if firm else "retail", "birth_year": None if firm else 1980,
                "sex": None if firm else "female", "postcode_area": "A1", "latitude": 40.0, "longitude": -75.0,
                "region": "east", "income_band": "3", "customer_since": LONG_AGO,
            })  # fmt: skip
            self.tables["customers_hidden"].append({"customer_id": c, "susceptibility": 0.5, "true_income": 3000.0})
            for key, kind, cents, limit in (
                (checking(c), "checking", 150_000, 50_000),
                (savings(c), "savings", 500_000, 0),
                (credit(c), "credit_card", -20_000, 100_000),
            ):
                self.open_account(key, kind, 1, ("customer", c), cents, limit)
            self._card(f"debit {c}", c, checking(c), "debit")
            self._card(f"credit {c}", c, credit(c), "credit")
            self._device(c + 500, c)
        self._device(THIEFS_DEVICE, None)

    def _outside(self) -> None:
        for m in (SHOP, CLUB, BAKERY):
            online = m == CLUB
            self.tables["merchants"].append({
                "merchant_id": m, "owner_customer_id": FIRM if m == BAKERY else None, "mcc": MCC[m], "category": "x",
                "online": online, "latitude": None if online else 40.1, "longitude": None if online else -75.1,
                "country": "US", "opened_at": LONG_AGO,
            })  # fmt: skip
            self.open_account(receivable(m), "merchant_receivable", 101, ("merchant", m), 30_000)
        for key, bank in ((CASH, 201), (EMPLOYER, 202), (LOSS, 1), (INCOME, 1), (ACQUIRER, 101), (STRANGER, 203)):
            self.open_account(key, "outside", bank, ("outside", key), 0)

    def _card(self, name: str, customer: int, account: int, kind: str, issued: dt.datetime = LONG_AGO) -> None:
        self.tables["cards"].append({
            "card_id": number(name, 4), "customer_id": customer, "account_id": account, "kind": kind,
            "issued_at": issued, "expires_at": FAR, "blocked_at": None,
        })  # fmt: skip

    def _device(self, key: int, customer: int | None) -> None:
        row = {"device_id": key, "customer_id": customer, "kind": "phone", "first_seen_at": LONG_AGO}
        self.tables["devices"].append(row)

    def _event(self, kind: str, time: dt.datetime, customer: int) -> None:
        self.tables["events"].append({
            "event_id": number(f"{kind} {time} {customer}"), "event_at": time, "customer_id": customer,
            "account_id": checking(customer), "kind": kind, "device_id": customer + 500, "ip_id": 5,
            "former_postcode_area": None, "former_credit_limit": None,
        })  # fmt: skip

    def _alert(self, transaction: int, raised: dt.datetime, decided: dt.datetime, decision: str) -> None:
        self.tables["alerts"].append({
            "alert_id": number(f"alert {transaction}"), "transaction_id": transaction, "raised_at": raised,
            "control": "new_payee", "score": 0.75, "decided_at": decided, "decision": decision,
        })  # fmt: skip

    def _truth(self, transaction: int, campaign: int, stage: str, victim: int, *, fraud: bool = True) -> None:
        self.tables["truth"].append({
            "transaction_id": transaction, "is_fraud": fraud, "is_laundering": not fraud,
            "typology": "card_not_present" if campaign == CARD_CAMPAIGN else "impersonation_scam",
            "campaign_id": campaign, "stage": stage, "ring_id": RING, "victim_customer_id": victim,
        })  # fmt: skip

    def _label(self, transaction: int, time: dt.datetime, source: str, label: str) -> None:
        row = {"transaction_id": transaction, "event_at": time, "source": source, "label": label}
        self.tables["label_events"].append({**row, "reason_code": None, "amount_recovered": 0.0})

    def buy(self, name: str, time: dt.datetime, customer: int, merchant: int, cents: int, **more: Any) -> int:
        """Put a purchase on the queue, by debit card unless `account` is the credit card's."""
        account = more.pop("account", checking(customer))
        word = "credit" if account == credit(customer) else "debit"
        card = number(more.pop("card", f"{word} {customer}"), 4)
        remote = {"channel": "online", "entry_mode": "ecommerce"}
        near = {"channel": "pos", "entry_mode": "chip"}
        row: dict[str, Any] = {"rail": "card", "merchant_id": merchant, "mcc": MCC[merchant], "card_id": card}
        row |= remote if merchant == CLUB else near
        return self.ask(name, time, more.pop("kind", "purchase"), account, receivable(merchant), cents, **row | more)

    def _bens_card(self, time: dt.datetime) -> str | None:
        """Return the name of Ben's debit card at a time, None while he has none."""
        if not self.fraud or time < BLOCKED:
            return f"debit {BEN}"
        return "renewed" if time >= RENEWED else None

    def _everyday(self, draw: random.Random, shoppers: int) -> None:
        """Buy at whole minutes, so that debits often meet the credits of a tick's end."""
        taken: set[tuple[int, dt.datetime]] = set()
        for k in range(shoppers):
            customer, merchant = draw.choice((ANNA, BEN, DORA)), draw.choice((SHOP, CLUB, BAKERY))
            time = START + dt.timedelta(minutes=draw.randrange(4 * 24 * 60))
            account = draw.choice((checking(customer), credit(customer)))
            cents = draw.randrange(100, 3000)
            card = (
                self._bens_card(time)
                if account == checking(BEN)
                else f"{'credit' if account % 10 else 'debit'} {customer}"
            )
            if (customer, time) not in taken and card is not None:
                self.buy(f"everyday {k}", time, customer, merchant, cents, account=account, card=card)
            taken.add((customer, time))

    def _life(self) -> None:
        batch, phone = {"channel": "batch"}, {"device_id": ANNA + 500}
        self.ask("pay", at(0, "06:00"), "income", EMPLOYER, checking(ANNA), 210_000, rail="ach", **batch)
        self.ask("save", at(0, "09:00:07"), "transfer", checking(ANNA), savings(ANNA), 20_000)
        self.ask("rent", at(0, "10:00:01"), "bill", checking(ANNA), STRANGER, 90_000, rail="direct_debit", **batch)
        self.ask("gift", at(0, "10:30:00"), "transfer", checking(ANNA), checking(BEN), 5_000, **phone)
        self.ask("interest", at(0, "11:00:03"), "interest", INCOME, savings(DORA), 77, **batch)
        self.ask("fee", at(1, "00:20:09"), "fee", checking(DORA), INCOME, 2_700, **batch)
        card = {"rail": "card", "card_id": number(f"debit {ANNA}", 4)}
        self.ask("cash", at(1, "12:00:02"), "withdrawal", checking(ANNA), CASH, 4_000, channel="atm", mcc=6011, **card)
        self.ask("too much", at(1, "12:01:02"), "transfer", checking(DORA), checking(ANNA), 900_000)
        bought = self.buy("television", at(0, "15:00:05"), ANNA, CLUB, 60_000)
        shop = {"merchant_id": CLUB, "mcc": MCC[CLUB], "related_transaction_id": bought, **batch, **card}
        self.ask("refund", at(2, "15:00:05"), "refund", receivable(CLUB), checking(ANNA), 60_000, **shop)
        self.buy("verify", at(1, "13:00:02"), DORA, CLUB, 0, kind="verification")
        wrong = {"decision": "declined", "decline_reason": "invalid_details"}
        self.buy("mistyped", at(1, "13:02:02"), DORA, CLUB, 1_000, **wrong)
        abroad = {"country": "GB", "original_amount": 7.8, "original_currency": "GBP"}
        self.buy("abroad", at(2, "13:02:02"), DORA, SHOP, 1_000, **abroad)
        self.ask("late pay", at(3, "23:50:00"), "income", EMPLOYER, checking(BEN), 100_000, rail="ach", **batch)
        for k in range(6):
            time = at(3, f"1{k}:17:11")
            self.buy(f"trip {k}", time, BEN, SHOP, 25_000, card=self._bens_card(time))
        self._event("login", at(0, "08:00"), ANNA)
        cash = {"customer_id": ANNA, "timestamp": at(0, "12:00"), "amount": 3.5, "mcc": 5462, "merchant_id": BAKERY}
        self.tables["cash_hidden"].append(cash)

    def _reviews(self) -> None:
        """Hold two of Anna's transfers; one is released, one refused."""
        for name, hour, verdict in (
            ("builder", 14, {"decision": "approved"}),
            ("broker", 16, {"decision": "declined"}),
        ):
            sides = (checking(ANNA), STRANGER, 30_000)
            means = {"device_id": ANNA + 500, "score": 0.75}
            times = at(2, f"{hour}:00:04"), at(2, f"{hour}:50:00")
            held = self.ask(name, times[0], "transfer", *sides, decision="held", **means)
            reason = {"decline_reason": "rule"} if name == "broker" else {}
            more = {"related_transaction_id": held, **means, **verdict, **reason}
            self.ask(f"release {name}", times[1], "transfer", *sides, **more)
            self._alert(held, *times, "genuine")

    def _merchants(self) -> None:
        shop = {"channel": "batch", "merchant_id": BAKERY, "mcc": MCC[BAKERY]}
        for day in (1, 2, 3):
            time = at(day, "02:00")
            self.ask(f"settle {day}", time, "settlement", receivable(BAKERY), checking(FIRM), 1_000 + day, **shop)
            for m in (SHOP, CLUB):
                self.post(f"fees {m} {day}", time, "merchant_fee", receivable(m), ACQUIRER, 300, merchant_id=m)

    def _card_fraud(self) -> None:
        """Ben's card is used by a thief; he reports it, the card is renewed, the merchant and others share the loss."""
        self.tables["rings"].append({"ring_id": RING})
        refused = {"decision": "declined", "decline_reason": "rule"}
        stolen = [
            self.buy(f"stolen {k}", at(1, f"15:0{k}:30"), BEN, CLUB, 20_000 + k, device_id=THIEFS_DEVICE, **more)
            for k, more in enumerate(({}, refused, {}))
        ]
        for transaction in stolen:
            self._truth(transaction, CARD_CAMPAIGN, "use", BEN)
        next(row for row in self.tables["cards"] if row["card_id"] == number(f"debit {BEN}", 4))["blocked_at"] = BLOCKED
        self._card("renewed", BEN, checking(BEN), "debit", RENEWED)
        self._event("card_blocked", BLOCKED, BEN)
        self._event("card_issued", RENEWED, BEN)
        self._label(stolen[0], BLOCKED, "customer", "fraud")
        _, wrongly = (
            self.ask(f"repaid {k}", at(2, f"11:0{k}"), "reimbursement", LOSS, checking(BEN), 20_000 + k,
                     related_transaction_id=stolen[k])
            for k in (0, 2)
        )  # fmt: skip
        taken = {"related_transaction_id": wrongly}
        self.ask("reversal", at(3, "08:01"), "reversal", checking(BEN), LOSS, 20_002, **taken)
        club = {"merchant_id": CLUB, "related_transaction_id": stolen[0]}
        back = self.post("chargeback", at(2, "12:00"), "chargeback", receivable(CLUB), LOSS, 20_000, **club)
        again = {**club, "related_transaction_id": back}
        self.post("representment", at(3, "12:00"), "representment", LOSS, receivable(CLUB), 5_000, **again)
        self.post("write-off", at(3, "13:00"), "write_off", ACQUIRER, receivable(CLUB), 4_000, **club)

    def _scam(self) -> None:
        """Carla is talked into two payments to Dora, a mule, who passes the money on; a part comes back."""
        sides = (checking(CARLA), checking(DORA))
        paid = self.ask("scam 1", at(1, "16:00:30"), "transfer", *sides, 70_000)
        held = self.ask("scam 2", at(1, "17:00:30"), "transfer", *sides, 60_000, decision="held")
        free = {"decision": "approved", "related_transaction_id": held}
        released = self.ask("release scam 2", at(1, "19:00:30"), "transfer", *sides, 60_000, **free)
        for transaction in (paid, held, released):
            self._truth(transaction, SCAM, "payment", CARLA)
        self._alert(held, at(1, "17:00:30"), at(1, "19:00:30"), "genuine")
        passed = self.ask("pass on", at(1, "20:00:30"), "transfer", checking(DORA), STRANGER, 115_000)
        self._truth(passed, SCAM, "layering", CARLA, fraud=False)
        self._label(paid, at(2, "08:00"), "customer", "fraud")
        back = {"related_transaction_id": paid}
        self.ask("recovery 1", at(3, "07:00"), "recovery", checking(DORA), checking(CARLA), 8_000, **back)
        rest = {"related_transaction_id": released}
        self.ask("recovery 2", at(3, "07:10"), "recovery", checking(DORA), LOSS, 1_500, **rest)

    def _campaigns(self) -> None:
        """Write what the two campaigns cost, worked out by hand from the story."""
        names = ("victims", "attempts", "approved", "gross_loss", "recovered", "net_loss",
                 "loss_customer", "loss_issuer", "loss_acquirer", "loss_merchant")  # fmt: skip
        card = (1, 3, 2, 400.02, 0.0, 400.02, 200.02, 50.0, 40.0, 110.0)
        scam = (1, 2, 2, 1300.0, 95.0, 1205.0, 1220.0, -15.0, 0.0, 0.0)
        for key, typology, figures in ((CARD_CAMPAIGN, "card_not_present", card), (SCAM, "impersonation_scam", scam)):
            row = {"campaign_id": key, "typology": typology, "ring_id": RING, "started_at": at(1, "15:00:30")}
            self.tables["campaigns"].append({**row, "ended_at": None, **dict(zip(names, figures, strict=True))})
