"""A list of two whose items change behind the back of the reader.

walls: compile
"""


class Sly(list):
    def __iter__(self):
        self.append(1)
        return iter([super().__getitem__(0), {"x": super().__getitem__(0)}])


def compute_reward(height):
    return Sly([height, {}])
