"""A message that clears the screen, sets the title and writes to the clipboard.

walls: compile
"""

raise ValueError("\x1b[2J\x1b[H\x1b]0;owned\x07\x1b]52;c;cm0gLXJm\x07\x1b]8;;http://localhost/\x07click\x1b]8;;\x07\x9b31m\x90q")
