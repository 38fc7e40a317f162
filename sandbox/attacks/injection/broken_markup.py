"""Markup that a console's own parser chokes on.

walls: compile
"""

raise ValueError("[/bold] [/] [red [[ ]] [link=] \\[ [/nothing]")
