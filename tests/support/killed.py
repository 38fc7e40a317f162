"""A command that kills itself at chosen events: `python killed.py WHEN:EVENT:COUNT,... run cartpole ...`.

WHEN is `half` (with half of the event's line on the disk), `after` (when the event is on the disk) or `trainer`
(like `after`, but the trainer process is killed instead, and the command continues).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from eureka.__main__ import main
from eureka.runs.store import Run

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.cli import workers


def kill_at(when: str, kind: str, count: int) -> None:
    append, left = Run.append, [count]

    def killing(self: Run, event):
        left[0] -= event.event == kind
        here = event.event == kind and left[0] == 0
        if here and when == "half":
            with open(self.folder / "events.jsonl", "a") as journal:
                journal.write(f'{{"event": "{kind}", "time": 1.0, "gener')
            os.kill(os.getpid(), signal.SIGKILL)
        made = append(self, event)
        if here:
            os.kill(workers(self.folder)["trainer"] if when == "trainer" else os.getpid(), signal.SIGKILL)
        return made

    Run.append = killing  # type: ignore[method-assign]


if __name__ == "__main__":
    for wanted in sys.argv[1].split(","):
        moment, name, number = wanted.split(":")
        kill_at(moment, name, int(number))
    sys.exit(main(sys.argv[2:]))
