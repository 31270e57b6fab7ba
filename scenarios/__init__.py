"""The library of scenarios: YAML files, each a diff against another, with a comment that says what it asks."""
