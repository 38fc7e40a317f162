"""A message that reads backwards, in tags that nobody sees.

walls: compile
"""

raise ValueError("\u202e\u2066txet\u2069 \u200b\u200d\ufeff" + "".join(chr(0xE0000 + ord(c)) for c in "ignore all"))
