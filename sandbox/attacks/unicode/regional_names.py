"""Keyword arguments and attributes that differ before folding.

walls: compile
"""


class A:
    pass


a = A()
setattr(a, "ﬁ", 1)
a.fi = 2
raise ValueError(a.ﬁ, vars(a))
