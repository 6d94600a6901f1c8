"""The real MLflow UI, seen through a real browser."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request

import psutil
import pytest

from runner.tracking.needs import Needs
from runner.tracking.run import TrackedRun, experiment_id
from runner.tracking.store import LocalStore
from tests.conftest import QUICK, environment, free_port, run_command
from tests.needs import needs_browser
from tests.reading import only_run
from tests.waiting import PATIENCE, SOON


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ui")
    done = run_command("-m", "runner", "experiment.sizes=[1,10]", "seed=12", "tracking.dir=store", *QUICK, cwd=folder)
    assert done.status == 0, done.err
    return folder, done


@pytest.fixture(scope="module")
def ui(measured):
    """The served address, and at the end the proof that Ctrl-C leaves nothing running."""
    folder, _ = measured
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "runner.ui", "tracking.dir=store", "--port", str(port)],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    assert address.startswith(f"http://127.0.0.1:{port}/"), server.communicate()
    family = psutil.Process(server.pid).children(recursive=True)
    assert (LocalStore(folder / "store").ui, LocalStore(folder / "store").ui_hint) == (f"http://127.0.0.1:{port}", "")
    yield f"http://127.0.0.1:{port}"
    server.send_signal(signal.SIGINT)
    _, err = server.communicate(timeout=PATIENCE)
    assert (server.returncode, err) == (0, "")
    assert not psutil.wait_procs(family, timeout=SOON)[1]
    assert LocalStore(folder / "store").ui == "http://127.0.0.1:5000"


def test_it_serves_this_machine_alone_with_few_processes(ui):
    port = int(ui.rpartition(":")[2])
    listening = [c for c in psutil.net_connections("inet") if c.status == "LISTEN" and c.laddr.port == port]
    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}
    assert urllib.request.urlopen(f"{ui}/health").read() == b"OK"


def test_its_button_makes_experiments_that_runs_can_go_to(ui, measured):
    folder, _ = measured
    request = urllib.request.Request(
        f"{ui}/ajax-api/2.0/mlflow/experiments/create",
        data=json.dumps({"name": "made by the button"}).encode(),
        headers={"Content-Type": "application/json"},
    )
    number = json.load(urllib.request.urlopen(request))["experiment_id"]
    store = LocalStore(folder / "store")
    store.check(Needs(frozenset(["made by the button"])))
    client = store.open()
    assert experiment_id(store, client, "made by the button") == number
    run = TrackedRun.create(store, client, number, "run", {})
    run.json({"answer.json": 42})
    run.end("FINISHED")
    assert (store.folder / "artifacts" / number / run.id / "artifacts" / "answer.json").exists()
    shown = f"{ui}/get-artifact?path=answer.json&run_uuid={run.id}"
    assert json.load(urllib.request.urlopen(shown)) == 42


@pytest.mark.browser
@needs_browser
def test_a_person_finds_the_run_its_metric_and_its_plot(ui, measured, tmp_path):
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support import expected_conditions
    from selenium.webdriver.support.ui import WebDriverWait

    folder, done = measured
    run = only_run(folder / "store")
    options = webdriver.ChromeOptions()
    flags = "headless no-sandbox disable-gpu no-first-run disable-background-networking disable-component-update"
    for flag in [*flags.split(), "disable-sync", "disable-quic", "window-size=1600,1200", f"user-data-dir={tmp_path}"]:
        options.add_argument(f"--{flag}")
    options.binary_location = str(shutil.which("chromium"))
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))

    def sees(text: str) -> None:
        WebDriverWait(driver, 60).until(lambda d: text in d.find_element(By.TAG_NAME, "body").text, text)

    def sees_picture(width: int) -> None:
        WebDriverWait(driver, 60).until(
            lambda d: any(image.get_property("naturalWidth") == width for image in d.find_elements(By.TAG_NAME, "img")),
            f"a picture of {width} pixels",
        )

    try:
        link = next(line for line in done.out.splitlines() if line.startswith("http"))
        driver.get(link.replace("http://127.0.0.1:5000", ui))
        sees(run.info.run_name)
        sees("time/median_us")
        sees_picture(640)  # in the description
        artifacts = f"{ui}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts"
        driver.get(f"{artifacts}/plots/time.png")
        sees_picture(960)
        driver.find_element(By.XPATH, "//*[text()='answer.html']").click()
        WebDriverWait(driver, 60).until(
            expected_conditions.frame_to_be_available_and_switch_to_it((By.TAG_NAME, "iframe"))
        )
        sees("The command that repeats it")
    finally:
        driver.save_screenshot(str(tmp_path.parent / "ui.png"))
        driver.quit()


def test_a_port_in_use_is_named(measured):
    folder, _ = measured
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_command("-m", "runner.ui", "tracking.dir=store", "--port", str(port), cwd=folder)
    assert done.status == 2
    assert done.err.startswith(f"runner.ui: port {port} is taken (")
    assert f"process {os.getpid()}); choose another: --port " in done.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["tracking.dir=nothing"], "there are no runs in"),
        (["tracking.dirr=x"], "tracking.dirr: no such key (did you mean tracking.dir?)"),
        (["tracking=server", "tracking.uri=http://127.0.0.1:9"], "the tracking server has a UI of its own"),
    ],
)
def test_what_cannot_be_served(tmp_path, arguments, says):
    done = run_command("-m", "runner.ui", *arguments, cwd=tmp_path)
    assert done.status == 2
    (line,) = done.err.splitlines()
    assert says in line
    assert list(tmp_path.iterdir()) == []
