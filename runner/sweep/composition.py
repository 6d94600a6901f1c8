"""The composition of the configs of a sweep's jobs, all before the first job starts."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, open_dict


class Composition:
    """Composes configs one after the other.

    Hydra takes 0.15 s to compose a config, most of it for the defaults list, which depends only on the choices
    of groups. So each combination of choices is composed once, and Hydra's own function then sets the values of
    each job.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        """``master`` is the sweep's config, as Hydra hands it to a launcher."""
        self._loader, self._master = loader, master
        self._parser = OverridesParser.create(config_loader=loader)
        self._parsed: dict[str, Override] = {}
        self._by_choices: dict[tuple[str, ...], bytes] = {}
        self._is_group = dict.fromkeys(map(str, master.hydra.runtime.choices), True)

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """Return a job's config without the part ``hydra``. Raises Hydra's exceptions."""
        parsed = list(map(self._parse, overrides))
        values = [override for override in parsed if self._sets_a_value(override)]
        choices = tuple(str(override.input_line) for override in parsed if override not in values)
        config: DictConfig = pickle.loads(self._of_choices(choices))  # noqa: S301  # made here; quicker than a copy
        ConfigLoaderImpl._apply_overrides_to_config(values, config)
        return config

    def constant(self, command: Sequence[str]) -> set[str]:
        """Return the overrides of a command line that are the same for all jobs, in the form that jobs have them."""
        overrides = self._parser.parse_overrides([word for word in command if not word.startswith("-")])
        return {
            f"{override.get_key_element()}={override.get_value_element_as_str()}"
            for override in overrides
            if not override.is_sweep_override()
        } | set(command)

    def _parse(self, word: str) -> Override:
        """Return an override as Hydra reads it. Most words of a job are those of other jobs, too."""
        if word not in self._parsed:
            (self._parsed[word],) = self._parser.parse_overrides([word])
        return self._parsed[word]

    def _sets_a_value(self, override: Override) -> bool:
        plain = not (override.is_add() or override.is_force_add() or override.is_delete())
        return plain and override.package is None and not self._names_a_group(override.key_or_group)

    def _names_a_group(self, key: str) -> bool:
        """Ask Hydra: a job's experiment may have groups of its own that the sweep's config does not have."""
        if key not in self._is_group:
            self._is_group[key] = bool(self._loader.get_group_options(key, results_filter=None))
        return self._is_group[key]

    def _of_choices(self, choices: tuple[str, ...]) -> bytes:
        """Return the pickled config of a combination of choices."""
        if choices not in self._by_choices:
            config = self._loader.load_sweep_config(self._master, list(choices))
            HydraConfig.instance().set_config(config)  # for values that refer to ${hydra:...}
            with open_dict(config):
                del config["hydra"]
            self._by_choices[choices] = pickle.dumps(config)
        return self._by_choices[choices]
