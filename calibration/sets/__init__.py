"""Sets of targets: what a scenario is fitted to and held against, `*.yaml`."""
