"""Builds and loads C++ with torch's extension builder.

walls: seccomp landlock limits
"""

from torch.utils import cpp_extension

cpp_extension.load_inline(MARK.replace("-", "_"), "int f() { return 42; }", functions="f")
breach("C++ was built and loaded")
