"""Settings of a run and task files: what YAML and options may say, checked."""
