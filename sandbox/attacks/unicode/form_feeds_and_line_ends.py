"""Mixed line ends, form feeds and vertical tabs, so that line numbers differ between readers.

walls: compile
"""

exec("a = 1\r\nb = 2\rc = 3\x0c\n\x0cd = 4\nraise ValueError('line five or eight')\x0c\n")
