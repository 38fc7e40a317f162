"""From a reward's text to a tensor program that trains: compiled in the sandbox, checked, run over a population."""
