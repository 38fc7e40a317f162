"""Half surrogate pairs in names, in keys and in messages.

walls: compile
"""

globals()["\ud800"] = 1
raise type("E\udfff", (Exception,), {})("\ud800\udfff\udc80")
