"""The data set: writing, reading, labels and entities as of a date, and the manifest.

- `tables`, `columns`: the contract, each column declared once.
- `recorder`, `memory`: sinks for the economy's rows; `encode`, `kernel`, `convert`, `parts`, `writer` carry them out.
- `output`, `lock`, `manifest`: where a run writes, and what says that it is complete. They load no heavy library.
- `reader`, `labels`, `view`: lazy frames, what was known on a day, and one institution's sight.
"""
