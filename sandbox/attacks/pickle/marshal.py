"""Runs code that was never text: a marshalled code object.

walls: seccomp landlock
"""

import marshal
import types

code = marshal.dumps(compile("breach(open(SECRET).read())", "code", "exec"))
types.FunctionType(marshal.loads(code), globals())()
