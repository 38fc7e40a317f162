"""Memory that trainings need, computed from the settings before anything is built.

The factors were fitted to the peak memory of trainer processes on the CPU (docs/scale.md, section "Memory").
"""

from __future__ import annotations

import itertools

from eureka.config.settings import Settings
from eureka.errors import UserError

SHARE = 0.5
"""Share of the available memory that members may fill together."""
_FLOAT = 4
_NETWORK_COPIES = 10  # of all parameters: policy, two moments of Adam, best policy, gradients, checkpoint
_PASS_COPIES = 12  # of the hidden layers of a minibatch: outputs, gradients and temporaries, two networks
_SAMPLE = 30  # further floats of each sample: values, rewards, advantages, components
_MEMBER = 2**20  # bytes of a member's program, curves and messages


def of_member(settings: Settings, seen: int, action: int, world: int) -> int:
    """Peak bytes of one member's training.

    Args:
        settings: sizes.
        seen, action: sizes of observation and action.
        world: bytes of one world of the simulator, as the trainer process measured them.
    """
    learning, evaluation = settings.learning, settings.evaluation
    networks = sum(
        (into + 1) * out for last in (action, 1) for into, out in itertools.pairwise((seen, *learning.hidden, last))
    )
    sample = 6 * seen + 4 * action + _SAMPLE + _PASS_COPIES * sum(learning.hidden) / learning.minibatches
    episodes = max(evaluation.selection_episodes, evaluation.report_episodes)
    worlds = (settings.worlds + episodes) * world
    samples = settings.worlds * learning.horizon * sample * _FLOAT
    return int(worlds + samples + _NETWORK_COPIES * networks * _FLOAT) + _MEMBER


def room(settings: Settings, each: int, available: int) -> int:
    """How many members train together in `SHARE` of the available memory, at least one.

    Raises:
        UserError: not even one member fits into the available memory.
    """
    if each > available:
        raise UserError(
            f"one training in {settings.worlds} worlds needs about {gigabytes(each)} of memory, and "
            f"{gigabytes(available)} are available; lower --envs, learning.horizon or learning.hidden"
        )
    return max(1, int(available * SHARE / each))


def gigabytes(count: float) -> str:
    """Bytes as `1.2 GB` or `46 TB`."""
    return f"{count / 1e9:.3g} GB" if count < 1e12 else f"{count / 1e12:.0f} TB"
