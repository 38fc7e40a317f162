"""A coroutine in the place of a result.

walls: compile
"""

async def compute_reward(height):
    return height, {}
