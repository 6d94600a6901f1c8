"""A Slurm cluster of one machine, for tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from tests.conftest import free_port
from tests.waiting import PATIENCE, wait_until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "squeue")
"""From Debian's packages munge and slurm-wlm."""

CONFIG = """
ClusterName=test
SlurmUser=root
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
# Debian's hosts file gives the machine's name another loopback address.
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
# A container has no cgroups to give away.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
KillWait=10
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 State=UNKNOWN
PartitionName=only Nodes={host} Default=YES MaxTime=60 DefaultTime=10 State=UP
"""


def missing() -> list[str]:
    """The programs this needs and the machine does not have."""
    return [program for program in PROGRAMS if shutil.which(program, path=_search_path()) is None]


def _search_path() -> str:
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


class SlurmMachine:
    """munged, slurmctld and slurmd, run by root in a folder of their own; ``SLURM_CONF`` points there meanwhile.

    The machine seems to have ``cpus`` processors, whatever it has.
    """

    def __init__(self, cpus: int = 4) -> None:
        self._cpus = cpus
        self._processes: list[subprocess.Popen[bytes]] = []
        self._cleanup = ExitStack()

    def __enter__(self) -> SlurmMachine:
        with ExitStack() as cleanup:  # what has been started when something does not start
            self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
            cleanup.callback(shutil.rmtree, self.folder)
            cleanup.callback(self._stop)
            self._configure()
            os.environ["SLURM_CONF"] = str(self.folder / "slurm.conf")
            cleanup.callback(os.environ.pop, "SLURM_CONF")
            self._start()
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def _configure(self) -> None:
        self.folder.chmod(0o755)  # munged refuses a socket that others cannot reach
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        config = CONFIG.format(
            host=socket.gethostname().split(".")[0],
            controller_port=free_port(),
            node_port=free_port(),
            folder=self.folder,
            cpus=self._cpus,
        )
        (self.folder / "slurm.conf").write_text(config)

    def _start(self) -> None:
        folder = self.folder
        munge = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
        self._run("munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *munge)
        wait_until((folder / "munge.socket").exists, "munged listens")
        self._run("slurmctld", "-D", "-i")
        self._run("slurmd", "-D", "-N", socket.gethostname().split(".")[0])
        wait_until(self._is_idle, "the node is idle")

    def _run(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.out").open("wb") as output:
            environment = os.environ | {"PATH": _search_path()}
            self._processes.append(subprocess.Popen(command, env=environment, stdout=output, stderr=output))

    def _is_idle(self) -> bool:
        done = subprocess.run(["sinfo", "--noheader", "--format=%T"], capture_output=True, text=True)
        return done.stdout.strip() == "idle"

    def _stop(self) -> None:
        """The jobs first: slurmd leaves the processes of its jobs alone when it ends."""
        if len(self._processes) == 3:
            subprocess.run(["scancel", "--signal=KILL", "--full", "--user=root"], capture_output=True)
            subprocess.run(["scancel", "--user=root"], capture_output=True)
            wait_until(self._is_empty, "no job is left")
        for process in reversed(self._processes):
            process.terminate()
            process.wait(timeout=PATIENCE)

    def _is_empty(self) -> bool:
        return subprocess.run(["squeue", "--noheader"], capture_output=True, text=True).stdout.strip() == ""
