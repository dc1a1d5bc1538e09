"""From what people write (suites, rows, agents) to nouns; what cannot be read is named with its place."""
