"""Commands by which people say what they see."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option, Typer

from eureka.cli import options
from eureka.errors import UserError
from eureka.text import command

app = Typer()


@app.command()
def feedback(
    run: options.Run,
    text: Annotated[
        str | None, Argument(metavar="TEXT", help='What is to be seen, such as "the knees are stiff".')
    ] = None,
    candidate: Annotated[
        str | None, Option(metavar="G.K", help="Candidate that was watched.", show_default="the best")
    ] = None,
    done: Annotated[bool, Option("--done", help="Continue a run that waits with --ask words.")] = False,
) -> None:
    """Say in words what a policy does; the next prompts tell it.

    The run may be in progress, waiting with --ask words, or finished: then eureka resume RUN --generations N
    takes it up.
    """
    from eureka.runs import history, remarks
    from eureka.runs.journal import read_journal
    from eureka.runs.store import find_run, untrusted_run

    folder = find_run(run)
    if text is None and not done:
        raise UserError('say what is to be seen, as in: eureka feedback RUN "the knees are stiff"; or give --done')
    with untrusted_run(folder):
        journal = read_journal(folder)
        if journal.record.kind != "search" or journal.settings.strategy == "best-of-n":
            raise UserError(f"{folder} does not reflect on candidates, so no prompt could tell the remark")
        if text is not None:
            watched = history.find_candidate(journal, history.candidates_of(journal), candidate)
            remarks.add(folder, remarks.remark(watched.name, text))
            takes = "the prompts of the next generation tell it"
            if journal.finished is not None:
                takes += f": {command('resume', folder, '--generations', '3')}"
            print(f"kept as a remark on {watched.name}; {takes}")
        if done:
            waiting = remarks.waits_for(folder)
            if waiting is None:
                raise UserError(f"{folder} does not wait for words")
            remarks.done(folder, waiting)
            print(f"the run continues with generation {waiting}")
