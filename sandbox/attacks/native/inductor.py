"""Has torch compile its reward to machine code.

walls: seccomp landlock limits
"""

import torch._dynamo

fast = torch._dynamo.optimize("inductor")(lambda x: torch.sin(x) + torch.cos(x))
fast(torch.ones(100))
breach("machine code was built and ran")
