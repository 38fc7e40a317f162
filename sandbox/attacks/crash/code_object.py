"""Runs byte code that is none.

walls: compile
control: no, because it ends nothing but its own process
"""


def f():
    pass


exec(f.__code__.replace(co_code=bytes(range(1, 255)) * 4, co_consts=(), co_stacksize=0))
