"""The command line: commands and their options. Imports heavy modules only inside the command that needs them."""
