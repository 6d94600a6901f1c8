"""The scripts by which shells ask for :mod:`runner.cli.completion`.

``python -m runner --shell-completion install=bash >> ~/.bashrc`` installs one for good. The shell asks the program that
stands on the line, so that each environment answers for itself; ``python`` with anything else is completed as before.
"""

from __future__ import annotations

from collections.abc import Sequence

from experiments.validators import suggestion
from runner.cli.completion import completions
from runner.errors import UserError

BASH = r"""# Tab completion of runner, runner-ui, runner-compare, runner-store and python -m runner
_runner_completion() {
    local line="${COMP_LINE:0:COMP_POINT}" word asked candidate
    local -a program
    case "$1" in
        *python*) [[ $line =~ ^[^[:space:]]+[[:space:]]+-m[[:space:]]+runner[a-z.]*[[:space:]] ]] || return 0
                  program=("$1" -m runner) ;;
        *) program=("${1/%runner-*/runner}") ;;
    esac
    word="${line##*[[:space:]]}"
    asked="$("${program[@]}" --shell-completion query="$line" 2>/dev/null)"
    COMPREPLY=()
    while IFS= read -r candidate; do
        [[ -n $candidate ]] || continue
        [[ $candidate == *[=.] ]] || candidate+=" "
        [[ $COMP_WORDBREAKS == *=* && $word == *=* ]] && candidate="${candidate#"${word%%=*}="}"
        COMPREPLY+=("$candidate")
    done <<< "$asked"
}
complete -o default -o nospace -F _runner_completion runner runner-ui runner-compare runner-store python python3
"""

ZSH = r"""# Tab completion of runner, runner-ui, runner-compare, runner-store and python -m runner
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_runner_completion() {
    local line="$words[1,CURRENT-1] $PREFIX"
    local -a program asked
    if [[ $words[1] == *python* ]]; then
        if [[ $words[2] != -m || $words[3] != runner* || $CURRENT -lt 4 ]]; then
            (( $+functions[_python] )) && _python "$@" || _default
            return
        fi
        program=($words[1] -m runner)
    else
        program=(${words[1]/%runner-*/runner})
    fi
    asked=(${(f)"$($program --shell-completion "query=$line" 2>/dev/null)"})
    compadd -S '' -- ${(M)asked:#*[=.]}
    compadd -- ${asked:#*[=.]}
    (( $#asked )) || { compset -P '*=' ; _files }
}
compdef _runner_completion runner runner-ui runner-compare runner-store python python3
"""

FISH = r"""# Tab completion of runner, runner-ui, runner-compare, runner-store and python -m runner
function __runner_completion
    set -l program (commandline -opc)
    if string match -q '*python*' -- $program[1]
        $program[1] -m runner --shell-completion query=(commandline -cp | string collect) 2>/dev/null
    else
        set -l asked (string replace -r 'runner-\w+$' runner -- $program[1])
        $asked --shell-completion query=(commandline -cp | string collect) 2>/dev/null
    end
end
function __runner_is_module
    string match -qr '^\S+\s+-m\s+runner[a-z.]*\s' -- (commandline -cp)
end
for program in runner runner-ui runner-compare runner-store
    complete -c $program -a '(__runner_completion)'
end
for program in python python3
    complete -c $program -n __runner_is_module -a '(__runner_completion)'
end
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}

INSTALLED_BY = """\
python -m runner --shell-completion install=bash >> ~/.bashrc
python -m runner --shell-completion install=zsh >> ~/.zshrc
python -m runner --shell-completion install=fish > ~/.config/fish/conf.d/runner.fish"""


def answer(words: Sequence[str]) -> str:
    """Return what ``--shell-completion`` prints: a script for ``install=SHELL``, words for ``query=LINE``.

    Raises UserError for anything else.
    """
    task, _, value = (words[0] if len(words) == 1 else "").partition("=")
    if task == "query":
        return "\n".join(completions(value))
    if task != "install":
        raise UserError("--shell-completion: write install=bash, install=zsh or install=fish behind it")
    if value not in SCRIPTS:
        raise UserError(f"--shell-completion: there is no {value}{suggestion(value, SCRIPTS)}; {', '.join(SCRIPTS)}")
    return SCRIPTS[value].rstrip()
