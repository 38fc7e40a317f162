"""Commands by which people say what they see, and which of two policies is better."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option, Typer

from eureka.cli import options
from eureka.errors import UserError, did_you_mean
from eureka.text import command, number

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


@app.command()
def vote(
    run: options.Run,
    text: Annotated[
        str | None,
        Argument(metavar="VOTE", help="Which of two is better, such as '2.0 > 1.3'; '2.0 = 1.3' is a tie."),
    ] = None,
    rater: Annotated[str | None, Option(metavar="NAME", help="Who votes.", show_default="the user")] = None,
) -> None:
    """Vote on which of two policies is better.

    Candidates are ranked by all votes, not by the fitness. A pair to watch next is named.
    """
    from rich.console import Console

    from eureka.display import tables
    from eureka.runs import elections, history, votes
    from eureka.runs.journal import read_journal
    from eureka.runs.store import find_run, untrusted_run

    folder = find_run(run)
    with untrusted_run(folder):
        found = history.candidates_of(read_journal(folder))
        names = [name for name, c in found.items() if c.trained and not c.duplicate_of]
        if len(names) < 2:
            raise UserError(f"{folder} has fewer than two trained candidates; there is nothing to vote on")
        if text is not None:
            given = votes.parse(text, rater)
            for name in (given.first, given.second):
                if name not in names:
                    raise UserError(
                        f"no trained candidate {name}{did_you_mean(name, names)}; there are {', '.join(names)}"
                    )
            votes.add(folder, given)
        ballot = votes.ballot(names, votes.kept(folder))
        standing = elections.standing(ballot)
    order = sorted(range(len(names)), key=lambda n: -standing.best[n])
    rows = tuple(
        (
            names[n],
            f"{standing.strengths[n]:+.2f} +- {standing.deviations[n]:.2f}",
            f"{standing.best[n]:.0%}",
            number(estimate.mean) if (estimate := found[names[n]].estimate) else "-",
        )
        for n in order
    )
    title = f"{len(ballot.votes)} vote{'s' * (len(ballot.votes) != 1)}"
    tables.show_sheet(
        Console(highlight=False, soft_wrap=True), tables.Sheet((title, "strength", "is best", "fitness"), rows)
    )
    if standing.sure:
        print(f"{names[standing.leader]} is the best with probability {standing.best.max():.0%}; voting may stop")
        return
    first, second = (names[n] for n in elections.next_pair(standing))
    print(f"watch {first} and {second} next, then: {command('vote', folder, f'{first} > {second}')}")
