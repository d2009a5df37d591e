#!/usr/bin/python3
"""Backups: taken under changes, verified, damaged, listed, restored to a new cluster that grows; by
the clock; and each refusal.
"""
import json
import os
import pathlib
import stat
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import ADMIN_PORT, BUILD, Cluster, wait_until  # noqa: E402

ZONE = "backup.example"
FLIPS = 10


def offline(*words, given=""):
    """A quartet command that asks no node; its input is @given."""
    return subprocess.run([BUILD / "quartet", *map(str, words)], input=given, text=True,
                          capture_output=True, timeout=60, check=False)


def flip_bit(source, target, bit):
    octets = bytearray(source.read_bytes())
    octets[bit // 8] ^= 1 << (bit % 8)
    target.write_bytes(octets)


class Writer(threading.Thread):
    """Changes one zone again and again while backups are taken."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.count, self.is_ending = node, 0, threading.Event()
        self.start()

    def run(self):
        while not self.is_ending.is_set():
            self.node.quartet("record", "set", ZONE, f"w{self.count}", "A", "192.0.2.1")
            self.count += 1

    def __enter__(self):
        wait_until(lambda: self.count > 0, 20, "a first change is made")
        return self

    def __exit__(self, *_):
        self.is_ending.set()
        self.join()


class BackupTest(unittest.TestCase):
    """Two nodes with a zone, an access key and a signing key; their backup."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        first = cls.cluster.node(1)
        cls.zone_file = cls.cluster.folder / "zone"
        cls.zone_file.write_text(
            "@ 300 IN SOA ns1.quartet.test. h.quartet.test. 1 7200 900 1209600 86400\n"
            "@ 300 IN NS ns1.quartet.test.\n"
            + "".join(f"r{n} 300 IN A 192.0.2.{n % 250 + 1}\n" for n in range(3000)))
        first.quartet("zone", "import", ZONE, cls.zone_file, "--create", "--wait")
        first.quartet("health", "create", "--type", "TCP", "--ip", "192.0.2.1", "--port", "80",
                      "--caller-reference", "kept", "--disabled")
        cls.key_id, cls.secret = cls.cluster.credential()
        cls.key = cls.cluster.folder / "key"
        cls.backup = cls.cluster.folder / "one.backup"
        cls.made = first.json("backup", "create", cls.backup, "--key-file", cls.key)
        cls.export = first.quartet("zone", "export", ZONE)

    def refused(self, done, words, status=1):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn(words, done.stdout + done.stderr)

    def waiting_node(self, number, **config):
        """A node with an empty data folder, in no cluster."""
        other = Cluster(number)
        self.addCleanup(other.__exit__, None, None, None)
        for node in other.nodes:
            node.write_config(**config)
            node.start()
        return other

    def restore(self, *words):
        other = self.waiting_node(1)
        return other, other.node(1).quartet("restore", self.backup, *words)

    # ---- create

    def test_create_is_what_the_state_was(self):
        status = self.cluster.node(1).status()
        self.assertEqual(self.made["zones"], 2)
        self.assertEqual(self.made["access_keys"], 1)
        self.assertEqual(self.made["key"], "file")
        self.assertLessEqual(self.made["index"], status["applied_index"])
        if self.made["index"] == status["applied_index"]:
            self.assertEqual(self.made["state_hash"], status["state_hash"])
        self.assertEqual(stat.S_IMODE(self.backup.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.key.stat().st_mode), 0o600)
        self.assertNotIn(self.secret.encode(), self.backup.read_bytes())

    def test_create_under_changes_and_over_the_admin_port(self):
        node = self.cluster.node(2)
        with Writer(self.cluster.node(1)) as writer:
            seen = []
            for number in range(2):
                path = self.cluster.folder / f"under{number}.backup"
                before = writer.count
                done = subprocess.run(
                    [BUILD / "quartet", "--node", f"{node.address}:{ADMIN_PORT}", "--admin-file",
                     node.data / "admin.conf", "backup", "create", path, "--json"],
                    capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                made = json.loads(done.stdout)
                self.assertEqual(offline("backup", "verify", path).returncode, 0)
                seen.append(made["index"])
                self.assertGreater(made["record_sets"], 3000)
                wait_until(lambda: writer.count > before, 20, "changes go on")
        self.assertEqual(seen, sorted(seen))
        self.assertFalse((node.data / "backup" / "checkpoint").exists())

    def test_create_refuses_to_replace_a_file(self):
        self.refused(self.cluster.node(1).run("backup", "create", self.backup), "is there already")

    def test_create_leaves_nothing_where_it_cannot_write(self):
        done = self.cluster.node(1).run("backup", "create", self.cluster.folder / "no" / "x")
        self.refused(done, "No such file or directory")

    def test_create_a_full_disk_is_told(self):
        """Files may not grow beyond 4 KiB here: what a full disk would say in other words."""
        path = self.cluster.folder / "full.backup"
        script = 'ulimit -f 4; trap "" XFSZ; exec "$@"'
        done = subprocess.run(["bash", "-c", script, "-", BUILD / "quartet", "--node",
                               self.cluster.node(1).socket, "backup", "create", path],
                              capture_output=True, text=True, timeout=60, check=False)
        self.refused(done, "cannot be written: File too large")
        self.assertEqual(list(self.cluster.folder.glob("full*")), [])

    # ---- verify, list

    def test_verify_whole(self):
        done = offline("backup", "verify", self.backup, "--key-file", self.key)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("the key opens its secrets", done.stdout)

    def test_verify_another_key(self):
        other = self.cluster.folder / "other-key"
        other.write_text("quartet-backup-key 1\n" + 64 * "a" + "\n")
        other.chmod(0o600)
        self.refused(offline("backup", "verify", self.backup, "--key-file", other),
                     "this is not the key that it was made with")
        other.chmod(0o644)
        self.refused(offline("backup", "verify", self.backup, "--key-file", other), "chmod 600", 2)

    def test_verify_damage_is_told_with_its_place(self):
        damaged = self.cluster.folder / "damaged"
        bits = 8 * self.backup.stat().st_size
        for number in range(FLIPS):
            flip_bit(self.backup, damaged, (number * bits) // FLIPS + number)
            done = offline("backup", "verify", damaged)
            self.assertEqual(done.returncode, 1, f"bit {(number * bits) // FLIPS + number}")
            self.assertRegex(done.stderr, "damaged|no backup|newer Quartet|octet")

    def test_verify_cut_off(self):
        octets = self.backup.read_bytes()
        cut = self.cluster.folder / "cut"
        for length in (0, 60, len(octets) // 2, len(octets) - 1):
            cut.write_bytes(octets[:length])
            done = offline("backup", "verify", cut)
            self.refused(done, "cut off" if length else "empty")
        cut.write_bytes(octets + b"x")
        self.refused(offline("backup", "verify", cut), "1 octets follow behind its end")

    def test_verify_of_a_newer_version(self):
        newer = self.cluster.folder / "newer"
        octets = bytearray(self.backup.read_bytes())
        octets[15] = 2
        newer.write_bytes(octets)
        self.refused(offline("backup", "verify", newer), "a newer Quartet made it")

    def test_list(self):
        folder = self.cluster.folder / "list"
        folder.mkdir()
        (folder / "good.backup").write_bytes(self.backup.read_bytes())
        (folder / "note.txt").write_text("no backup")
        done = offline("backup", "list", folder, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([(b["file"], b["is_whole"]) for b in json.loads(done.stdout)],
                         [("good.backup", True)])
        flip_bit(self.backup, folder / "bad.backup", 8 * self.backup.stat().st_size // 2)
        done = offline("backup", "list", folder)
        self.refused(done, "bad.backup: it is damaged: the part from octet")
        self.assertNotIn("note.txt", done.stdout)

    # ---- restore

    def test_restore_a_new_cluster_that_grows_and_strangers_are_refused(self):
        other = self.waiting_node(2)
        first, second = other.nodes
        told = first.quartet("restore", self.backup, "--key-file", self.key)
        self.assertIn("1 access keys", told)
        self.assertEqual(first.quartet("zone", "export", ZONE), self.export)
        self.assertIn("192.0.2.8", first.dig("+short", f"r7.{ZONE}"))
        about = first.json("cluster", "status")
        old = self.cluster.node(1).json("cluster", "status")
        self.assertNotEqual(about["cluster_id"], old["cluster_id"])
        self.assertEqual([m["name"] for m in about["members"]], ["ns1"])
        self.assertNotEqual(about["members"][0]["id"], old["self"])
        self.assertEqual(len(first.json("health", "list")), 1)
        # Its history, and it goes on.
        first.quartet("record", "set", ZONE, "new", "A", "192.0.2.99", "--wait")
        other.join(second)
        first.quartet("cluster", "wait", "--timeout", "60s")
        other.wait_equal()
        self.assertEqual(second.quartet("zone", "export", ZONE),
                         first.quartet("zone", "export", ZONE))
        self.assertIn("192.0.2.99", second.dig("+short", f"new.{ZONE}"))
        # A node of the old cluster is not let in, even with a token of the new one.
        token = first.quartet("token", "create", "--bare").strip()
        self.refused(self.cluster.node(2).run("join", f"{first.address}:{ADMIN_PORT}", "--token",
                                              token), "member of another cluster")
        old_admin = self.cluster.node(1).data / "admin.conf"
        done = offline("--node", f"{first.address}:{ADMIN_PORT}", "--admin-file", old_admin, "node",
                       "status")
        self.assertNotEqual(done.returncode, 0)
        # It was restored for good: a restart finds the same.
        self.assertEqual(first.stop(), 0)
        first.start()
        first.quartet("cluster", "wait", "--timeout", "60s")
        self.assertIn("192.0.2.8", first.dig("+short", f"r7.{ZONE}"))
        # And its own backups are as good as the first.
        again = other.folder / "again.backup"
        second.quartet("backup", "create", again, "--key-file", other.folder / "again.key")
        done = offline("backup", "verify", again, "--key-file", other.folder / "again.key")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_restore_access_keys_work_as_before(self):
        other, _ = self.restore("--key-file", self.key)
        url = other.gateway(1).url
        env = {**os.environ, "AWS_ACCESS_KEY_ID": self.key_id, "AWS_SECRET_ACCESS_KEY": self.secret,
               "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null"}
        done = subprocess.run(["aws", "--endpoint-url", url, "route53", "list-hosted-zones"],
                              env=env, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(ZONE, done.stdout)

    def test_passphrase(self):
        path = self.cluster.folder / "phrase.backup"
        done = subprocess.run([BUILD / "quartet", "--node", self.cluster.node(1).socket, "backup",
                               "create", path, "--passphrase"], input="correct horse\n", text=True,
                              capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.refused(offline("backup", "verify", path, "--passphrase", given="wrong\n"),
                     "this is not the key")
        done = offline("backup", "verify", path, "--passphrase", given="correct horse\n")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_restore_refusals(self):
        other = self.waiting_node(1)
        node = other.node(1)
        self.refused(node.run("restore", self.backup), "--without-secrets")
        wrong = self.cluster.folder / "wrong-key"
        wrong.write_text("quartet-backup-key 1\n" + 64 * "0" + "\n")
        wrong.chmod(0o600)
        self.refused(node.run("restore", self.backup, "--key-file", wrong),
                     "the key file is not the one that it was made with")
        damaged = self.cluster.folder / "damaged-restore"
        flip_bit(self.backup, damaged, 8 * self.backup.stat().st_size // 2)
        self.refused(node.run("restore", damaged, "--key-file", self.key), "it is damaged")
        self.assertEqual(node.status()["phase"], "unjoined")
        # None of that is in the way of one that works; then the node has data, and refuses.
        told = node.quartet("restore", self.backup, "--without-secrets")
        self.assertIn("were left out", told)
        self.assertEqual(node.json("credential", "list"), [])
        self.assertEqual(node.quartet("zone", "export", ZONE), self.export)
        self.refused(node.run("restore", self.backup, "--key-file", self.key),
                     "member of a cluster already")
        self.assertEqual([p.name for p in node.data.glob("restor*")], [])


class ScheduleTest(unittest.TestCase):
    def test_by_the_clock(self):
        with Cluster(1) as cluster:
            node = cluster.node(1)
            folder, key = cluster.folder / "backups", cluster.folder / "schedule.key"
            schedule = f"{{folder: {folder}, every: 1s, keep: 2, key_file: {key}}}"
            cluster.form({"backup": schedule})
            first = wait_until(lambda: node.status()["backup"]["file"], 20, "a first backup")
            wait_until(lambda: not pathlib.Path(first).exists(), 20, "the oldest goes")
            self.assertLessEqual(len(list(folder.iterdir())), 3)
            done = wait_until(lambda: node.status()["backup"], 1, "a status")
            self.assertEqual(done["error"], "")
            self.assertLess(done["age_ms"], 20000)
            self.assertIn("every 1 s; ", node.quartet("node", "status"))
            newest = cluster.folder / "newest"  # a second later its file may be gone
            newest.hardlink_to(sorted(folder.glob("*.backup"))[-1])
            self.assertEqual(offline("backup", "verify", newest, "--key-file", key).returncode, 0)
            # A folder that is a file: told in the status and in the log, and healed by itself.
            kept = cluster.folder / "kept"
            folder.rename(kept)
            folder.write_text("in the way")
            wait_until(lambda: node.status()["backup"]["error"], 20, "a failure is told")
            self.assertIn("FAILED at", node.quartet("node", "status"))
            self.assertIn("backup_failed", node.log())
            folder.unlink()
            kept.rename(folder)
            wait_until(lambda: not node.status()["backup"]["error"], 20, "it works again")
            self.assertEqual(node.stop(), 0)

if __name__ == "__main__":
    tap.main()
