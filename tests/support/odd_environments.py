"""Environments as people write them: outside Gymnasium's interface, or at its edge."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from gymnasium import spaces

FREE = spaces.Box(-np.inf, np.inf, (2,), np.float32)


class Point(gymnasium.Env):
    """Push the point to the goal.

    It starts anywhere in [-1, 1], and nothing stops it. Its reward is the secret distance.
    """

    metadata: ClassVar[Any] = {"render_modes": []}
    observation_space: Any = FREE
    action_space: Any = spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, render_mode=None, goal=1.0):
        self.goal, self.render_mode = goal, render_mode

    def reset(self, *, seed=None, options=None) -> Any:
        super().reset(seed=seed)
        self.x, self.t = float(self.np_random.uniform(-1, 1)), 0
        return self.seen(), {}

    def move(self, action):
        self.x, self.t = self.x + 0.1 * float(np.asarray(action).reshape(-1)[0]), self.t + 1

    def seen(self) -> Any:
        return np.array([self.x, self.goal], np.float32)

    def info(self) -> Any:
        return {}

    def paid(self) -> Any:
        return -abs(self.x - self.goal)

    def over(self) -> Any:
        return False

    def cut(self) -> Any:
        return False

    def step(self, action) -> Any:
        self.move(action)
        return self.seen(), self.paid(), self.over(), self.cut(), self.info()


class DoubleTorch(Point):
    """Computes with torch in float64, which it makes the default of the whole process."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        torch.set_default_dtype(torch.float64)

    def reset(self, *, seed=None, options=None):
        torch.set_default_dtype(torch.float64)
        return super().reset(seed=seed)

    def step(self, action):
        torch.set_default_dtype(torch.float64)
        return super().step(action)


class OldReset(Point):
    def reset(self):
        super().reset()
        return self.seen()


class OldSeededReset(Point):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0]


class NoOptions(Point):
    def reset(self, seed=None):
        return super().reset(seed=seed)


class OldStep(Point):
    def step(self, action):
        seen, paid, over, _, info = super().step(action)
        return seen, paid, over, info


class NoStep(Point):
    def step(self, action):
        self.move(action)


class Column(Point):
    def seen(self):
        return np.array([[self.x], [self.goal]], np.float32)


class LongObs(Point):
    def seen(self):
        return np.array([self.x, self.goal, 0.0], np.float32)


class LateLongObs(Point):
    def seen(self):
        return np.zeros(3 if self.t > 40 else 2, np.float32)


class NoObs(Point):
    def seen(self):
        return None


class NanObs(Point):
    def seen(self):
        return np.array([self.x, np.nan], np.float32)


class DoubleObs(Point):
    def seen(self):
        return [np.float64(self.x), 1]


class SharedObs(Point):
    BUFFER = np.zeros(2, np.float32)

    def seen(self):
        self.BUFFER[:] = self.x, self.goal
        return self.BUFFER


class Bits(Point):
    observation_space = spaces.Dict({"switch": spaces.MultiBinary(3), "room": spaces.Discrete(4)})

    def seen(self):
        return {"switch": np.array([1, 0, 1], np.int8), "room": 2}


class Pair(Point):
    observation_space = spaces.Tuple([FREE, spaces.Dict({"grid": spaces.Box(-9, 9, (2, 3), np.float32)})])

    def seen(self):
        return np.array([self.x, 0], np.float32), {"grid": np.arange(6, dtype=np.float32).reshape(2, 3)}


class Names(Point):
    observation_space = spaces.Dict(
        dict.fromkeys(("action", "class", "my goal", "my_goal", "last_reward", "2nd"), FREE)
    )

    def seen(self):
        return {key: np.array([self.x, i], np.float32) for i, key in enumerate(self.observation_space)}


class LostEntry(Bits):
    def seen(self):
        return {"switch": np.array([1, 0, 1], np.int8)}


class GoalDict(Point):
    observation_space = spaces.Dict(
        {key: spaces.Box(-np.inf, np.inf, (1,), np.float32) for key in ("observation", "desired_goal", "achieved_goal")}
    )

    def seen(self):
        here, there = np.array([self.x], np.float32), np.array([self.goal], np.float32)
        return {"observation": here, "achieved_goal": here, "desired_goal": there}


class Checked(Point):
    """Takes no action outside its space."""

    def move(self, action):
        assert self.action_space.contains(action), f"{action!r} is no action"
        super().move(action)


class Scalar(Checked):
    action_space = spaces.Box(-1.0, 1.0, (), np.float32)


class Ints(Checked):
    action_space = spaces.Box(-10, 10, (1,), np.int64)


class Bytes(Checked):
    action_space = spaces.Box(0, 255, (1,), np.uint8)


class Double(Checked):
    action_space = spaces.Box(-0.1, 0.1, (1,), np.float64)


class HalfOpen(Checked):
    action_space = spaces.Box(np.array([5.0, -np.inf]), np.array([np.inf, 3.0]), dtype=np.float64)


class Fixed(Checked):
    action_space = spaces.Box(np.float32([0.5, -1]), np.float32([0.5, 1]))


class Huge(Checked):
    action_space = spaces.Box(np.finfo(np.float32).min, np.finfo(np.float32).max, (1,), np.float32)


class Chosen(Point):
    """Its actions must be of its space."""

    def step(self, action):
        assert self.action_space.contains(action), f"{action!r} is not in {self.action_space}"
        return super().step(self.moved(action))

    def moved(self, action):
        return action


class Choice(Chosen):
    action_space = spaces.Discrete(3, start=-1)

    def moved(self, action):
        return {-1: -1.0, 0: 0.0, 1: 1.0}[action]


class Choices(Chosen):
    action_space = spaces.MultiDiscrete([[3, 2]], start=[[-1, 0]])

    def moved(self, action):
        assert action.shape == (1, 2)
        return action[0, 0] * (1 + action[0, 1])


class Switches(Chosen):
    action_space = spaces.MultiBinary(2)

    def moved(self, action):
        return int(action[1]) - int(action[0])


class TextAction(Point):
    action_space = spaces.Text(3)


class NoSpaces(Point):
    observation_space = None


class ArrayReward(Point):
    def paid(self):
        return np.array([super().paid()])


class TensorReward(Point):
    def step(self, action):
        import torch

        seen, paid, *_, info = super().step(action)
        return torch.tensor(seen), torch.tensor(paid), torch.tensor(False), np.array([False]), info


class NoReward(Point):
    def paid(self):
        return None


class TextReward(Point):
    def paid(self):
        return "1.0"


class ManyRewards(Point):
    def paid(self):
        return np.array([1.0, 2.0])


class NoneTruncated(Point):
    def cut(self):
        return None


class TextOver(Point):
    def over(self):
        return "no"


class NoInfo(Point):
    def info(self):
        return None


class ListInfo(Point):
    def info(self):
        return [1, 2]


class MixedInfo(Point):
    """Infos of an int first, of other numbers later, and of no numbers."""

    def info(self):
        late = {"mixed": 0.75, "gap": None} if self.t > 34 else {"mixed": 1, "gap": self.x}
        return late | {"one": np.array([0.1]), "word": "x", "many": np.ones(3), 7: 1.0, "nan": np.nan}


class AtEnd(Point):
    """Success only at the end."""

    def over(self):
        return self.t >= 20

    def info(self):
        return {"is_success": self.x > -9.0, "left": 0.3} if self.over() else {}


class Sometimes(AtEnd):
    def info(self):
        return {"is_success": True} if self.over() and self.x > 0 else {}


class Drawn(Point):
    """Draws its point as a white column on blue."""

    metadata: ClassVar[Any] = {"render_modes": ["rgb_array"], "render_fps": 50}

    def render(self):
        if self.render_mode == "rgb_array":
            picture = np.full((60, 100, 3), (20, 40, 200), np.uint8)
            column = int(np.clip(50 + 25 * self.x, 0, 94))
            picture[:, column : column + 6] = 255
            return picture


class DrawnFlat(Drawn):
    def render(self):
        return np.zeros((60, 100), np.uint8)


class NoMeta(Point):
    metadata = None


class StrMeta(Point):
    metadata: ClassVar[Any] = {"render_fps": "fast"}


class OddProperties(Point):
    @property
    def dt(self):
        raise RuntimeError("not built")


class Unlike(Point):
    """Cannot be copied."""

    def __init__(self, **given):
        super().__init__(**given)
        self.lock, self.stream = threading.Lock(), iter(range(3))


class Kwargs(Point):
    def __init__(self, goal, render_mode=None):
        super().__init__(render_mode, goal)


class Silent(Point):
    def __init__(self, **given):
        assert given == "nothing"


class ExitsProcess(Point):
    def step(self, action):
        if self.t > 30:
            raise SystemExit("licence expired")
        return super().step(action)


class Raises(Point):
    def step(self, action):
        if self.t > 40:
            raise RuntimeError("joint limit table is empty")
        return super().step(action)


class DeepRaise(Point):
    def seen(self):
        return np.concatenate([])


class WritesOutside(Point):
    def step(self, action):
        from pathlib import Path

        Path(__file__).with_suffix(".csv").write_text("x")
        return super().step(action)


class Chatty(Point):
    def step(self, action):
        import os

        print("step", self.t)
        os.write(1, b"from C\n")
        return super().step(action)


class Reads(Point):
    def step(self, action):
        input("go on? ")
        return super().step(action)


for cls in [c for c in globals().values() if isinstance(c, type) and issubclass(c, Point)]:
    gymnasium.register(f"Odd{cls.__name__}-v0", entry_point=cls, max_episode_steps=60)
gymnasium.register("my_lab/Nested-v0", entry_point=Point, max_episode_steps=60)
gymnasium.register("OddNoVersion", entry_point=Point, max_episode_steps=60)
