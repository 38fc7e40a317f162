"""Gives torch a tensor whose storage was taken away.

walls: compile
control: no, because it ends nothing but its own process
"""

x = torch.ones(1 << 20)
x.untyped_storage().resize_(0)
x.add_(1.0)
