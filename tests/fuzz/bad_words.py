"""Overrides that are wrong as they are written, whatever the schema says."""

# ruff: noqa: RUF001  # signs that look like others are what is tried here
from __future__ import annotations

TRAINING, NPZ = "experiment=training", "dataset=npz"

LONG = "x" * 5000

REFERENCES = [
    "seed=${oc.env:HOME}",
    "seed=${ oc.env : HOME}",
    "experiment.shape=${oc.decode:${oc.env:HOME}}",
    "tracking.experiment=${oc.env:HOME}",
    "tracking.dir=${oc.env:HOME}/x",
    "experiment.sizes=[1,'${oc.env:HOME}']",
    "hydra.launcher.n_jobs=${oc.env:HOME}",
    "tracking.experiment=${hydra:job.name}",
    "seed=${hydra:runtime.cwd}",
    "seed=${oc.decode:'[1'}",
    "seed=${oc.create:{a:1}}",
    "seed=${oc.select:nope}",
    "seed=${seed}",
    "seed=${nope}",
    "seed=${nope:1}",
    "seed=${",
    "seed=${}",
    "seed=${experiment}",
    "device=${seed}",
    "experiment.sizes=${seed}",
    "experiment.sizes=${oc.dict.values:device}",
    "experiment.timing=${device}",
]

STRUCTURE = [
    "", "=", "=x", "x", "seed", "[1]", "'", "@", "@=1", "seed@x=1", "experiment@seed=matmul", "+device@x=cpu",
    "++nope=1", "+++seed=1", "~~seed", "~nope", "~experiment", "~experiment.sizes", "~seed=5", "++device=cpu",
    "experiment._target_=os.system", "+_target_=os.system", "hydra.launcher._target_=os.system",
    "hydra.callbacks={x:{_target_:os.system}}", "hydra.run.dir=../x", "hydra.output_subdir=x", "hydra.job.chdir=true",
    "hydra.mode=MULTIRUN", "hydra/job_logging=default", "hydra.job.env_set={A:B}", "hydra=null",
    "seed=(", "seed=[", "seed={", "seed=}", "seed=,", "seed=1,", "seed=choice()",
    "experiment.shape='inner", "experiment.shape=in'ner", "experiment.sizes=[,]", "experiment.sizes=[1 2]",
    "experiment.sizes=extend_list(0)", "experiment.sizes.0=0", "experiment.sizes.x=1", "experiment.sizes[0]=1",
    "seed.x=1", "seed..x=1", "a/b/c=1", "SEED=1",
]  # fmt: skip

SIGNS = [
    "seed='\x00'", "seed='\x1b[31m1'", "seed=\x1b[31m1", "seed='\u202e1'", "seed='1\n2'", "seed=٣", "seed=１", "seed=½",
    "seed=−1", "se\u200bed=1", "\u202eseed=1", "seed\n=1", "sееd=1", "experiment.shape='\u2028'",
    "experiment.shape='\x85inner'", "experiment.shape=تتت", "experiment.shape=😀", "experiment.sizes=[٣]",
    "tracking.experiment='a\x00b'", "tracking.experiment='a\nb'", "tracking.experiment='\u202eab'",
    "tracking.experiment='\x1b[31m'", "tracking.experiment=' '", "tracking.experiment=..",
    "tracking.dir='a\x00b'", "tracking.dir='a\nb'", "tracking.dir='\x1b[31m'", "experiment.shape='\ufeffinner'",
]  # fmt: skip

SIZES = [
    "seed=" + "9" * 5000,
    "seed=99999999999999999999",
    "seed=1e999",
    "x" * 100_000 + "=1",
    "experiment.shape=" + "x" * 100_000,
    "experiment.sizes=[" + "1," * 500 + "0]",
    "experiment.sizes=" + "[" * 60 + "]" * 60,
    "experiment.sizes=" + "[" * 300,
    "seed=" + "${" * 100,
    "tracking.dir=" + "x/" * 3000,
    "tracking.dir=" + LONG,
    "tracking.experiment=" + LONG,
    "experiment.sizes=[2147483648]",
    "experiment.sizes=[nan]",
    "experiment.sizes=[1e400]",
    f"plugins=[{LONG}.py]",
]

PATHS = [
    "experiment=../../etc/passwd", "experiment=/etc/passwd", "experiment=smoke/../matmul", "experiment=..",
    "device=../experiment/matmul", "+preset=../experiment/matmul", "hydra/launcher=../x", "tracking=local/..",
    "tracking.dir=~nobodyhere/x", "tracking.dir=/etc/passwd", "tracking.dir=/dev/full/x", "tracking.dir=s3://x/y",
    "tracking.dir=sqlite:///x.db", "plugins=~nobodyhere/x.py", "plugins=/dev/null", "plugins=[]",
]  # fmt: skip

CHOICES = [
    (TRAINING, NPZ, f"experiment.dataset.path={path}")
    for path in ("/nowhere/x.npz", "~nobodyhere/x.npz", "/", "/dev/null", "/proc/self/environ", "'a\tb'", "'a\nb'",
                 "'\u202eabc'", "'a\x00b'", LONG, "a/" * 3000, "http://x/y.npz")
] + [
    (TRAINING, "dataset=csv", "experiment.dataset.target=y", f"experiment.dataset.path={path}")
    for path in ("/nowhere.csv", "~nobodyhere/x.csv", "/", "/dev/null", "/proc/self/environ", "'a\x00b'", LONG)
] + [
    (TRAINING, "dataset=images", f"experiment.dataset.path={path}")
    for path in ("/nowhere", "~nobodyhere/x", "'a\x00b'", LONG)
] + [
    (TRAINING, "model=keras_file", f"experiment.model.path={path}")
    for path in ("/nowhere.keras", "~nobodyhere/x.keras", "/", "/dev/zero", "'a\x00b'", LONG)
] + [
    (TRAINING, f"experiment.registered_name={name}")
    for name in ("../x", "a/b", "'a:b'", "''", "' '", ".", "..", "'a\nb'", "'\u202eab'", LONG)
] + [
    ("tracking=server", f"tracking.uri={uri}")
    for uri in ("ftp://x", "http://", "'http://a b'", "http://127.0.0.1:99999", "file:///etc/passwd",
                "'http://127.0.0.1:1/\nx'", "http://[::1",
                "'http://me:hunter 2@127.0.0.1:1'", "me:hunter2@127.0.0.1:1")
]  # fmt: skip

BAD: list[tuple[str, ...]] = [
    *((word,) for word in (*REFERENCES, *STRUCTURE, *SIGNS, *SIZES, *PATHS)),
    *CHOICES,
]
