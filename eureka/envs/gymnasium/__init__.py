"""Tasks that are environments of Gymnasium's, named by their id. What is here imports nothing, for the orchestrator."""
