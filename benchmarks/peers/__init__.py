"""Other people's learners, on this project's environment."""
