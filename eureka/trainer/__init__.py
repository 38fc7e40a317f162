"""The trainer process: the only process that runs task code and trains policies."""
