"""Turns the errors of Hydra, OmegaConf and YAML into one sentence each."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
    SearchPathException,
)
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    ConfigTypeError,
    GrammarParseError,
    InterpolationResolutionError,
    OmegaConfBaseException,
    ValidationError,
)
from yaml import MarkedYAMLError, YAMLError

from experiments.reporting.text import first_line
from experiments.validators import suggestion
from runner.config.key_hints import unknown_key
from runner.config.question import ZIP, key_of
from runner.config.schema import experiments, experiments_with

NUMBERS = {"Integer": "a whole number", "Float": "a number"}
NEEDS_A_LIST = "needs a list"
IS_A_GROUP = "is a group of keys, not a value; set the keys below it"
IS_NEEDED = "this key is needed and cannot be taken out"
NEEDS_M = "several values are a grid, which needs -m; a list is written [1,2], a text with a comma \"'a,b'\""

JARGON = re.compile(
    r"(mismatched|extraneous) input .*|no viable alternative .*|Error parsing override .*|token recognition.*"
)
"""What Hydra's parser says of its own grammar."""

BRACKETS = re.compile(r"[\[\](){}$]")

CONFIG_ERRORS = (HydraException, OmegaConfBaseException, YAMLError)
"""The exceptions that composing a config can raise."""


def sentence(error: Exception, words: Sequence[str] = ()) -> str:
    """Say what is wrong, where, and what to do about it. Guesses take the overrides, ``words``, into account."""
    cause = error.__cause__ or error
    if isinstance(error, MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"{mark.name}, line {mark.line + 1}: this is not YAML: {error.problem}"
    if isinstance(error, OverrideParseException):
        return _unreadable(error)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing_choice(error)
    if isinstance(error, SearchPathException):
        return f"--config-dir: {_first_line(error)}"
    if misplaced := _in_wrong_package(error):
        return misplaced
    if isinstance(cause, ConfigAttributeError | ConfigKeyError) and cause.full_key:
        return _unknown_key(error, cause, words)
    if isinstance(cause, ConfigTypeError) and cause.full_key:
        if "Error merging override ~" in str(error):
            return f"{cause.full_key}: {IS_NEEDED}"
        return f"{cause.full_key}: {_needs_a_list(cause.full_key, words) if cause.object_type is list else IS_A_GROUP}"
    if isinstance(cause, ValidationError) and cause.full_key:
        problem = wrong_type(_first_line(cause))
        return f"{cause.full_key}: {_needs_a_list(cause.full_key, words) if problem == NEEDS_A_LIST else problem}"
    if isinstance(cause, InterpolationResolutionError | GrammarParseError):
        return f"{_where(cause, words)}{why_unresolved(cause)}"
    if found := re.search(r"ConfigKeyError raised while composing.*full_key: (\S+)", str(error), re.DOTALL):
        return unknown_key(found.group(1))
    if isinstance(error, ConfigCompositionException) and (key := _unmatched_key(error)):
        return _unmatched(key, error)
    if found := re.search(r"unexpected keyword argument '(\w+)'\W+full_key: (hydra\.\w+)", str(error)):
        return unknown_key(f"{found.group(2)}.{found.group(1)}")
    if found := re.match(r"Multiple values for (\S+)\.", str(error)):
        return f"{found.group(1)}: chosen twice; write {found.group(1)}=CHOICE once, without '+'"
    if found := re.match(r"Ambiguous value for argument '(.+)'$", str(error), re.MULTILINE):
        return f"{found.group(1)}: {NEEDS_M}"
    if found := re.match(r"Sweep parameters '(.+)' requires --multirun", str(error)):
        return f"{found.group(1)}: {NEEDS_M}"
    if isinstance(error, OmegaConfBaseException) and error.full_key:
        return f"{error.full_key}: {_first_line(error)}"
    return _first_line(error)


def no_choice(overrides: Sequence[str], groups: Collection[str]) -> str | None:
    """Return a sentence if a group is set to null or a list, for which Hydra has no error of its own; else None."""
    for override in overrides:
        group, _, choice = override.lstrip("+").partition("=")
        if group in groups and (choice == "null" or choice.startswith("[")):
            return f"{group}={choice}: not a choice; --help lists what there is"
    return None


def _missing_choice(error: MissingConfigException) -> str:
    group, _, choice = str(error.missing_cfg_file).rpartition("/")
    options = [option for option in error.options or () if option]
    if not options:
        return f"there is no config '{error.missing_cfg_file}'; 'python -m runner --help' lists what there is"
    return f"{group}={choice}: no such choice{suggestion(choice, options)}; there are {', '.join(sorted(options))}"


def _unreadable(error: OverrideParseException) -> str:
    """Say that a word is no override; what Hydra says of it, where that says more than its grammar."""
    problem = _first_line(error).removeprefix("LexerNoViableAltException: ")
    says_more = not JARGON.match(problem) and problem not in str(error.override)
    reason = f": {problem}" if says_more else ""
    return f"cannot read '{error.override}'{reason}; write key=value, or \"key='value'\" for unusual characters"


def _needs_a_list(key: str, words: Sequence[str]) -> str:
    """Say that a key needs a list, and write the one that was meant where the command has its values."""
    given = next((value for word in words if key_of(word) == key and (value := word.partition("=")[2])), "")
    if key != ZIP:
        return list_of(key, given)
    keys = [] if BRACKETS.search(given) else given.strip("'\"").split(",")
    keys += [key_of(word) for word in words if "," in word]
    named = list(dict.fromkeys(one for one in keys if one not in ("", ZIP)))
    example = ",".join(named if len(named) > 1 else [*named, "ANOTHER_KEY"])
    return f"{NEEDS_A_LIST} of keys whose values go together, such as {ZIP}=[{example}]"


def list_of(key: str, values: str) -> str:
    """Say that a key needs a list, and how ``values`` are written as one."""
    is_plain = values and not BRACKETS.search(values)
    return f"{NEEDS_A_LIST}; write {key}=[{values}]" if is_plain else f"{NEEDS_A_LIST}, such as [1,10,100]"


def _where(cause: OmegaConfBaseException, words: Sequence[str]) -> str:
    """Return the key whose value cannot be found as the begin of a sentence; the error itself may not know it."""
    key = cause.full_key or next((key_of(word) for word in words if "${" in word), "")
    return f"{key}: " if key else ""


def why_unresolved(error: OmegaConfBaseException) -> str:
    """Say why a value that refers to another one, such as ``${seed}``, has none itself."""
    problem = _first_line(error)
    if found := re.match(r"Interpolation key '(.*)' not found", problem):
        return f"refers to {found[1]}, which is not there"
    if "Recursive" in problem or "recursion" in problem:
        return "refers to itself"
    if found := re.match(r"Unsupported interpolation type (.*)", problem):
        return f"${{{found[1]}:...}} is nothing that Hydra knows; ${{key}} refers to another key"
    if found := re.match(
        r"(?:\w+ raised while resolving interpolation|Error resolving interpolation '.*?'): (.*)", problem
    ):
        return f"what it refers to cannot be found ({found[1]})"
    if isinstance(error, GrammarParseError):
        return "this is no reference that can be read; ${key} refers to another key"
    return wrong_type(problem)


def _unmatched(key: str, error: ConfigCompositionException) -> str:
    """Say that an override matches nothing of the config."""
    if re.search(r"Could not delete from config\. The value of", str(error)):
        return f"{key}: {IS_NEEDED}"
    found = re.search(r"To append to your default list use (\S+)", str(error))
    if found and not experiments_with(key):
        return f"{found.group(1)[1:]}: nothing is chosen there by default; write {found.group(1)}"
    return unknown_key(key)


def _unmatched_key(error: ConfigCompositionException) -> str | None:
    """Return the key of an override that matches no part of the config."""
    found = re.search(r"Could not (?:override|delete|find match for)[^'`]*['`]([^'`]+)['`]", str(error))
    return found.group(1) if found else None


def _in_wrong_package(error: Exception) -> str | None:
    """Return a sentence if a choice's file has its keys in the package of its group, which has none; else None."""
    found = re.match(r"In '(([^'/]+)/[^']+)': .*(?:@|\bfull_key: )(\w+)", str(error), re.DOTALL)
    if not found or found[2] != found[3]:
        return None
    package = f"experiment.{found[2]}" if experiments_with(found[2]) else "_global_"
    return f"{found[1]}.yaml: its keys are in the wrong place; begin the file with the line '# @package {package}'"


def _unknown_key(error: Exception, cause: ConfigAttributeError | ConfigKeyError, words: Sequence[str]) -> str:
    """Say that there is no such key. OmegaConf names the first part that is unknown, Hydra the whole key."""
    written = _unmatched_key(error) if isinstance(error, ConfigCompositionException) else None
    named = {word.removeprefix("experiment=") for word in words}
    chosen = next((kind for kind in experiments() if kind.name in named), None)
    if written and "." not in str(cause.full_key):
        return unknown_key(written, chosen)
    return unknown_key(str(cause.full_key), cause.object_type)


def wrong_type(problem: str) -> str:
    """Say in plain words what OmegaConf says about a value of the wrong type."""
    problem = re.sub(r"^While dereferencing interpolation '.*?': ", "", problem)
    for name, words in NUMBERS.items():
        found = re.match(rf"Value '(.*)' of type '\w+' could not be converted to {name}", problem)
        if found:
            return f"'{found.group(1)}' is not {words}"
    if "is not Optional" in problem or "NoneType is not a subclass of" in problem:
        return "null is not a value here"
    if found := re.match(r"Cannot convert '\w+' to string: '(.*)'", problem):
        return f"'{found.group(1)}' is not a word"
    if re.match(r"Cannot assign \w+ to Dict", problem):
        return 'needs names with their values, such as "{x:1,y:2}", in quotes for the shell'
    if "is not a ListConfig" in problem:
        return NEEDS_A_LIST
    if "is not a subclass of" in problem:
        return IS_A_GROUP
    if found := re.match(r"Value '(.*)' is not a valid bool", problem):
        return f"'{found.group(1)}' is not true or false"
    return problem


def _first_line(error: BaseException) -> str:
    return first_line(error).rstrip(".")
