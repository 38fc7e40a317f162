"""Asks for a real tensor of 256 GiB as the text is loaded.

walls: limits
"""

torch.zeros(1 << 36)
