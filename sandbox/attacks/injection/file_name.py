"""Code of its own file name, with an order in it, at the end of the traceback.

walls: compile
"""

exec(compile("raise ValueError", "reward.py", "exec"))
