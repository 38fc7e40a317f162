"""What a terminal shows during a run, and loggers of training curves."""
