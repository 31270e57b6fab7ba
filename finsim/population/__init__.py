"""Populations: agents of one kind, held as columns, that are a Mesa `AgentSet` all the same.

A column is declared once, on the view class; the population gets the array, the view the property:

    class Customer(ColumnAgent):
        savings_cents = Column("i8", unit="cent", doc="standing order to savings at each pay")
        income = Derived(lambda p, r: p.data["income_cents"][r] / 100.0, unit="currency", doc="net income")

    customers = Population("customer", model, Customer, 10_000)
    customers.agents.select(segment="student").agg("income", np.mean)   # no view is built

`get`, `set`, `agg`, `groupby`, `sort` and `select` on declared names work on arrays. Whatever calls a function
or a method for each agent (`do`, `map`, iteration, a callable filter or key) makes a view for each, for as
long as the call takes. `Population.views_built` counts them.

What differs from Mesa's `AgentSet` (3.3 to 3.5):

- A set is made from a population and rows, not from agents, and holds agents of one population only: `add`, `|`
  and `^` with any other agent raise TypeError. Sets hold row numbers, not weak references. A removed agent leaves
  every set at once, also where somebody still holds it, and cannot be added again.
- Two views of one row are equal but not identical; `unique_id` is negative (see `Population.first_id`). A view in
  one of Mesa's own sets vanishes when nobody holds it, as any object does that Mesa refers to weakly.
- `select` also takes a boolean array as filter and conditions by name: `select(segment="student")`,
  `select(segment=["student", "retired"])`, `select(income=lambda values: values > 3000)`.
- Columns are typed. `set` and assignment raise ValueError for what does not fit, and AttributeError for a name
  that is not declared. A list or an array given to `set` is laid out over the agents, one value each.
- `agg` gives numpy's functions an array (booleans and numbers at full width), all others a list as Mesa does.
- `get`, `agg`, `groupby`, `sort` and `select` on a declared name read the arrays, even where the class of a
  promoted agent overrides that attribute. `sort` puts NaN last when ascending and first otherwise.
- A set may change while it is iterated over: iteration, `do` and `map` go over the agents it had when they
  began, without those that were removed meanwhile.
- Indexing, slicing, `to_list` and `copy` work on each version of Mesa, without the warning of Mesa 3.5.
- An empty set needs no generator and never warns: `random` is that of the population's model. What `|`, `&`, `-`
  and `^` make keeps the generator of the left set, where Mesa takes that of the first agent's model.
- `pos` is None and cannot be set: views stand in no space of Mesa's. `create_agents` and `from_dataframe` raise
  TypeError: the number of rows is fixed, and removal leaves a tombstone.
- `groupby` gives a `ColumnGroupBy`, whose `agg` also takes several functions for sets.
- Pickling a set keeps rows, not agents.
"""

from __future__ import annotations

from finsim.population.agent_set import AgentSet, ColumnAgentSet, ColumnGroupBy, GroupBy
from finsim.population.columns import Column, Derived
from finsim.population.store import Population
from finsim.population.view import ColumnAgent

__all__ = ["AgentSet", "Column", "ColumnAgent", "ColumnAgentSet", "ColumnGroupBy", "Derived", "GroupBy", "Population"]
