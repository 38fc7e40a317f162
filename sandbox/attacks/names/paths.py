"""Names that are paths, options and formulas of a spreadsheet.

walls: compile
"""


def compute_reward(height):
    return height, {"../../result": height, "-rf": height, "=HYPERLINK(1)": height, "CON": height, "a\x00b": height}
