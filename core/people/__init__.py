"""People: a person is one file, made from an album of their photos; this package reads, writes, lists and shares them."""
