"""A run for people to look at in a browser: one file to keep (`report`), and live pages (`view`)."""
