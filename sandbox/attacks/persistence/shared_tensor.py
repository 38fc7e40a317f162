"""Puts a tensor into memory that other processes can find.

walls: seccomp
"""

handle = torch.ones(4).untyped_storage()._share_filename_cpu_()
breach(handle)
