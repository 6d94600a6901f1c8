"""``plan=true``: what a command would do, as text."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace

from experiments.reporting.commands import command
from experiments.reporting.markdown import markdown_table
from runner.addresses import without_credentials
from runner.cli.arguments import Arguments
from runner.cli.sweep_terminal import in_words
from runner.config.question import key_of
from runner.errors import UserError
from runner.sweep.plan import Plan, PlannedJob
from runner.tracking.same_code import FORCE
from runner.tracking.store import NEEDED_BYTES, LocalStore

WORD = "plan"

VALUES = {"true": True, "false": False}


def without_plan(arguments: Arguments) -> tuple[Arguments, bool]:
    """Return the command line without the word ``plan``, and whether only a plan is wanted. Raises UserError."""
    words = [word for word in arguments.overrides if key_of(word) == WORD]
    if not words:
        return arguments, False
    value = words[-1].partition("=")[2].strip("'\" ").lower()
    if value not in VALUES:
        raise UserError(f"{WORD}: {value or 'nothing'} is neither true nor false; write {WORD}=true")
    others = [word for word in arguments.overrides if word not in words]
    return replace(arguments, overrides=others), VALUES[value]


def plan_text(plan: Plan, words: Sequence[str]) -> str:
    """Return what is planned, in Markdown; ``words`` are the command line without ``plan``. Raises UserError."""
    jobs = plan.jobs()
    parts = [
        _what(plan, jobs),
        *(
            [markdown_table([{"key": key, "values": values} for key, values in plan.search.keys])]
            if plan.search
            else []
        ),
        markdown_table([_row(one, plan) for one in jobs]),
        *_remarks(plan, jobs),
        f"Nothing was started. {without_credentials(command(*words))} does it.",
    ]
    return "\n\n".join(parts)


def _what(plan: Plan, jobs: Sequence[PlannedJob]) -> str:
    if search := plan.search:
        begun = f"; its study has {search.known_trials} of them" if search.known_trials else ""
        return f"A search of {search.trials} trials ({search.settings}){begun}. The first values of each key as a job:"
    at_a_time = f", {plan.at_a_time} at a time" if plan.at_a_time > 1 else ""
    return f"{len(jobs)} job{'s' * (len(jobs) != 1)}{at_a_time}:"


def _row(one: PlannedJob, plan: Plan) -> dict[str, str]:
    title = " ".join(one.job.distinct) or one.job.parts.experiment.name
    row = {
        "job": str(one.job.number),
        "what": title,
        "processes": str(one.processes),
        "memory": _gb(one.bytes_needed) + " measured" * one.is_measured,
        "free": _gb(one.bytes_free),
        "expected": in_words(one.expected) if one.expected is not None else "unknown",
        "known from": f"{len(one.seconds)} run{'s' * (len(one.seconds) != 1)}" if one.seconds else "",
    }
    if plan.is_sweep and not plan.search:
        row["resume"] = "skips it" if one.is_done else "runs it"
    return row


def _gb(count: float | None) -> str:
    return "unknown" if count is None else f"{count / 1e9:.3g} GB"


def _remarks(plan: Plan, jobs: Sequence[PlannedJob]) -> Iterator[str]:
    resumes = plan.settings.resume is not False
    to_run = [one for one in jobs if not (resumes and one.is_done)]
    if not plan.search:
        yield _time(to_run, plan)
    if plan.is_sweep and not plan.search:
        done = sum(one.is_done for one in jobs)
        given = "given" if resumes else "not given, so that all jobs run"
        yield f"With sweep.resume=true ({given}), {done} of {len(jobs)} jobs are taken over from the store."
    if plan.of_other_code:
        yield f"Not taken over: {plan.of_other_code} jobs that other code has made; {FORCE} takes them all the same."
    if large := [str(one.job.number) for one in jobs if not one.fits]:
        yield f"More memory than is free: job {', '.join(large[:10])}{' and others' * (len(large) > 10)}."
    yield (
        "Memory is what the largest point takes beside TensorFlow itself; where it says measured, what an earlier run "
        "took with it."
    )
    yield _on_store(plan)


def _time(to_run: Sequence[PlannedJob], plan: Plan) -> str:
    known = [one.expected for one in to_run if one.expected is not None]
    if not known:
        return "Nothing is known of the time: the store has no finished run of these questions."
    unknown = len(to_run) - len(known)
    rest = f"; of {unknown} more nothing is known" if unknown else ""
    return f"Expected: about {in_words(sum(known) / plan.at_a_time)} for {len(known)} of {len(to_run)} jobs{rest}."


def _on_store(plan: Plan) -> str:
    store = plan.store
    if not isinstance(store, LocalStore):
        return f"Store: {store.ui}"
    folder = next(path for path in (store.folder, *store.folder.parents) if os.path.exists(path))
    new = "" if store.is_made else ", still to be made"
    free = shutil.disk_usage(folder).free
    return f"Store: {store.folder}{new}; {_gb(free)} of the disk are free, {_gb(NEEDED_BYTES)} are needed to begin."
