"""Defines compute_reward in letters that fold to it, beside one that does not.

walls: compile verifier
"""


def 𝒄𝒐𝒎𝒑𝒖𝒕𝒆_𝒓𝒆𝒘𝒂𝒓𝒅(𝒉𝒆𝒊𝒈𝒉𝒕):
    return 𝒉𝒆𝒊𝒈𝒉𝒕, {"𝒔𝒑𝒆𝒆𝒅": 𝒉𝒆𝒊𝒈𝒉𝒕}
