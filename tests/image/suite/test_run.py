"""hotset in the image: on a root file system that is read-only, as process 1."""

import os
import pathlib
import re
import shutil

from container import STATE, bind
from process import wait_until


def hidden(place):
    """Nothing, in the place of what the image has there."""
    return {"destination": place, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "size=64k"]}


def daemon(bench, binds=(), volume=True):
    made = bench.start(binds=[*([bench.state()] if volume else []), *binds])
    wait_until(lambda: "\nhotset " in f"\n{status(made)}", "the daemon says how it is")
    return made


def status(container):
    if container.popen.poll() is not None:
        raise AssertionError(f"the daemon ended\n{container.said()}")
    return container.verb("status", exits=None).stdout


def test_the_shipped_configuration_is_right(bench):
    assert "nightly" in bench.runs("check")


def test_check_fails_on_a_configuration_that_is_wrong(bench):
    wrong = bench.file("hotset.toml", "[profile.nightly]\nobjects = []\n")
    bench.runs("check", binds=[bind(wrong, "/etc/hotset/hotset.toml")], exits=2)


def test_the_demo_needs_nothing_that_can_be_written_to(bench):
    assert "times as fast" in bench.runs("demo")


def local(bench):
    """The shipped configuration, in a zone that is half an hour off all others."""
    shipped = bench.rootfs_file("etc/hotset/hotset.toml")
    text = shipped.replace("paused = true", 'time_zone = "Australia/Lord_Howe"')
    return bind(bench.file("hotset.toml", text), "/etc/hotset/hotset.toml")


def test_schedules_follow_the_zone_rules_of_the_image(bench):
    said = bench.runs("check", binds=[local(bench)])
    # Those compiled in where its packages are older.
    assert re.search(r"^zone rules \d{4}[a-z] \(.*/usr/share/zoneinfo\)$", said, re.MULTILINE), said


def test_schedules_know_their_zones_without_the_systems_files(bench):
    binds = [local(bench), hidden("/usr/share/zoneinfo")]
    said = bench.runs("schedule", binds=binds)
    assert "+10:30" in said or "+11:00" in said, said
    assert re.search(r"^zone rules \d{4}[a-z] \(built in\)$", bench.runs("check", binds=binds), re.MULTILINE)


def test_newer_zone_rules_are_mounted(bench):
    """Lord Howe takes over the clocks of New York."""
    folder = bench.folder / "zoneinfo"
    for zone, source in [("Etc/UTC", "Etc/UTC"), ("Australia/Lord_Howe", "America/New_York")]:
        (folder / zone).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pathlib.Path(bench.rootfs) / "usr/share/zoneinfo" / source, folder / zone)
    (folder / "+VERSION").write_text("2999a\n")
    binds = [local(bench), bind(folder, "/zoneinfo")]
    said = bench.runs("schedule", binds=binds, environment={"TZDIR": "/zoneinfo"})
    assert "-04:00" in said or "-05:00" in said, said
    assert "zone rules 2999a (/zoneinfo)" in bench.runs("check", binds=binds, environment={"TZDIR": "/zoneinfo"})


def test_the_daemon_keeps_its_journal_in_the_volume(bench):
    made = daemon(bench)
    assert f"journal: {STATE}/journal.db, " in status(made)
    assert "journal.db" in os.listdir(bench.folder / "state")
    assert "error" not in made.said() and "warn" not in made.said()
    made.signal("TERM")
    assert made.ends() == 0


def test_a_volume_that_cannot_be_written_to_is_said(bench):
    made = daemon(bench, volume=False)
    assert "journal: cannot be written" in status(made) and "Read-only file system" in made.said()
    made.signal("TERM")
    assert made.ends() == 0


def test_as_process_1_it_obeys_a_reload_and_ends_with_0(bench):
    folder = bench.folder / "etc"
    folder.mkdir()
    shipped = bench.rootfs_file("etc/hotset/hotset.toml")
    (folder / "hotset.toml").write_text(shipped)
    made = daemon(bench, [bind(folder, "/etc/hotset")])
    (folder / "hotset.toml").write_text(shipped.replace("[profile.nightly]", "[profile.weekly]"))
    made.signal("HUP")
    wait_until(lambda: "weekly" in status(made), "the reload has its effect")
    made.signal("TERM")
    assert made.ends() == 0


def test_status_tells_by_its_code_whether_the_daemon_answers(bench):
    """As a health check of Docker's: nothing answers here."""
    assert "127.0.0.1:9464" in bench.runs("status", exits=5)
