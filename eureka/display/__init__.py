"""Terminal output of runs, and loggers for training curves."""
