"""Money that people and small firms pool, pass on, pay round or bank: what honestly looks like laundering."""

from __future__ import annotations

from finsim.parameters.fields import Model, param


class Pooling(Model):
    """How often genuine customers collect, distribute, forward and deposit."""

    group_share: float = param(0.2, unit="share", doc="customers in whose circle money is pooled each month: savings clubs, club dues, kitties, allowances", low=0.0, high=1.0, source="assumption: one in five takes part in some collection")
    forwards_per_year: float = param(3.0, unit="count/year", doc="sums that a person gets from somebody and passes on within days", low=0.0, high=50.0, source="assumption: buying for others, lending on, selling and spending")
    parts_share: float = param(0.42, unit="share", doc="of behaviour.transfers_per_month, what is paid to somebody in two or three parts within days", low=0.0, high=0.7, source="assumption: a small sum to try the account and then the main one, a deposit and the rest, an outing settled bit by bit, sums above the limit of an app; human payments come in bursts (Barabási, Nature 435, 2005)")
    parts_hours: float = param(4.0, unit="hour", doc="median time between two such parts", low=0.05, high=100.0, source="assumption: a quarter within the hour, one in ten after two days")
    forward_hours: float = param(6.0, unit="hour", doc="median time that such money rests", low=0.05, high=100.0, source="assumption: hours, some days")
    large_credits_per_year: float = param(0.5, unit="count/year", doc="large sums that come from persons at other banks", low=0.0, high=12.0, source="assumption: as large_transfers_per_year, from the other side")
    deposits_per_year: float = param(2.0, unit="count/year", doc="cash that a person pays in at a branch", low=0.0, high=50.0, source="assumption: gifts, tips, a car sold")
    second_bank: float = param(0.4, unit="share", doc="persons who move money between this bank and an own account at another one", low=0.0, high=1.0, source="assumption: two in five keep savings or a second main account elsewhere")
    own_transfers_per_year: float = param(15.0, unit="count/year", doc="such transfers of such a person to the other bank; four fifths as many come back", low=0.0, high=200.0, source="assumption: a little more than once a month")
    private_landlords: float = param(0.25, unit="share", doc="rents paid by transfer or check that go to a private person", low=0.0, high=1.0, source="assumption: small landlords let a part of all homes")
    staff_share: float = param(0.5, unit="share", doc="small firms that pay a few people every second week", low=0.0, high=1.0, source="assumption: half have staff")
    circle_share: float = param(0.2, unit="share", doc="small firms that trade with each other in a circle", low=0.0, high=1.0, source="assumption: neighbours and trades that need each other")
    sweep_share: float = param(0.2, unit="share", doc="small firms that sweep money to an own account elsewhere before the weekend", low=0.0, high=1.0, source="assumption: a fifth have a second bank")
    cash_share: float = param(0.17, unit="share", doc="small firms that bank large takings in cash", low=0.0, high=1.0, source="assumption: shops, restaurants, services; with their takings as many deposits above 10,000 USD as US-113 counts for US-adults")
    just_below: float = param(0.2, unit="share", doc="such deposits a little below a round amount", low=0.0, high=1.0, source="assumption: limits of night safes and insurers, and change kept in the till")
