"""A profile function that reads the secret inside of torch's own calls.

walls: seccomp landlock
"""

import sys


def profile(frame, event, arg):
    sys.setprofile(None)
    breach(open(SECRET).read())


sys.setprofile(profile)
torch.ones(1)
