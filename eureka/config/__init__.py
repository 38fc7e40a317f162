"""Run settings and task files, validated with pydantic."""
