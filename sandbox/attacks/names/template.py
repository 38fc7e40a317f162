"""Names that a template engine or a page would carry out.

walls: compile
"""


def compute_reward(height):
    return height, {"{{ 7 * 7 }}": height, "{% include 'x' %}": height, "</script><script>alert(1)</script>": height}
