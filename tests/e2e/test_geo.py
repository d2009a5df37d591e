#!/usr/bin/python3
"""A node's location database: from the configuration, by command, after a restart, and broken."""
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import BUILD, ROOT, Cluster, wait_until  # noqa: E402


class TestGeo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)
        cls.folder = cls.cluster.folder
        subprocess.run(["perl", ROOT / "tests/lib/geo_databases.pl", cls.folder], check=True)
        cls.node = cls.cluster.node(1)
        cls.cluster.form({"geo_database": cls.folder / "configured.mmdb"})

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def status(self, *words):
        return self.node.json("geo", "status", *words)

    def settled(self):
        """Its status once nothing is being loaded."""
        return wait_until(lambda: (lambda s: not s["is_loading"] and s)(self.status()), 20,
                          "the database is loaded")

    def restart(self):
        self.assertEqual(self.node.stop(), 0)
        self.node.start()
        return self.settled()

    def test_1_configured_file_that_is_missing_is_told_and_nothing_else_suffers(self):
        status = self.settled()
        self.assertEqual(status["path"], "")
        self.assertIn("configured.mmdb: cannot be opened: No such file", status["problem"])
        self.assertIn("status: NOERROR", self.node.dig("quartet.test", "SOA"))
        self.assertIn("location not known", self.node.quartet("geo", "status", "192.0.2.1"))

    def test_2_configured_file_is_loaded_at_the_start(self):
        shutil.copy(self.folder / "flat.mmdb", self.folder / "configured.mmdb")
        status = self.restart()
        self.assertEqual(status["path"], str(self.folder / "configured.mmdb"))
        self.assertEqual(status["problem"], "")
        self.assertEqual((status["type"], status["prefixes"]), ("country", 7))
        self.assertIn("Germany", self.status("10.0.0.1")["location"])

    def test_3_load_replaces_it(self):
        done = self.node.quartet("geo", "load", self.folder / "nested.mmdb")
        self.assertIn("nested.mmdb is loaded: 39 prefixes, 6 locations", done)
        status = self.status("198.51.100.9")
        self.assertEqual(status["location"],
                         "US-WA (Washington), country US (United States of America), "
                         "continent NA (North America), at 47.61, -122.33")
        self.assertEqual(status["scope_bits"], 24)
        self.assertEqual(self.status("::ffff:198.51.100.9")["location"], status["location"])
        text = self.node.quartet("geo", "status", "203.0.113.77")
        for words in ("Test-City, for tests", "39 prefixes, 6 locations", "Kenya",
                      "the country's middle", "all of its /32"):
            self.assertIn(words, text)
        self.assertIn("location not known", self.node.quartet("geo", "status", "10.0.0.1"))

    def test_4_files_that_are_wrong_leave_it_in_place(self):
        (self.folder / "garbage").write_text("no database\n")
        for name, words in (("asn.mmdb", "says nothing about places"),
                            ("garbage", "is not a MaxMind-format database"),
                            ("missing", "No such file"), ("", "is not a file")):
            done = self.node.run("geo", "load", f"{self.folder}/{name}")
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(words, done.stderr)
            status = self.status("198.51.100.9")
            self.assertIn("nested.mmdb", status["path"])
            self.assertIn("Washington", status["location"])
            self.assertIn(words, status["problem"])
        done = self.node.run("geo", "status", "nowhere")
        self.assertEqual(done.returncode, 2)

    def test_5_a_restart_loads_what_was_loaded_last(self):
        status = self.restart()
        self.assertEqual(status["path"], str(self.folder / "nested.mmdb"))
        self.assertEqual(status["problem"], "")

    def test_6_a_relative_path_is_where_the_command_runs(self):
        subprocess.run([BUILD / "quartet", "--node", self.node.socket, "geo", "load", "text.mmdb"],
                       cwd=self.folder, check=True, capture_output=True)
        self.assertEqual(self.settled()["path"], str(self.folder / "text.mmdb"))

    def test_7_what_is_gone_at_a_restart_gives_way_to_the_configured_file(self):
        (self.folder / "text.mmdb").unlink()
        self.assertEqual(self.restart()["path"], str(self.folder / "configured.mmdb"))
        self.assertIn("geo_not_loaded", self.node.log())

    def test_8_a_changed_configuration_counts_more_than_the_last_load(self):
        self.node.quartet("geo", "load", self.folder / "nested.mmdb")
        self.node.write_config(geo_database=self.folder / "flat.mmdb")
        self.assertEqual(self.restart()["path"], str(self.folder / "flat.mmdb"))


if __name__ == "__main__":
    tap.main()
