"""Sites are read, and what is wrong in them is told with its place."""

import dip
import pytest

TYPO = """\
version: 1
site: lab
domain: lab.example
networks:
  storage: {prefixes: [{prefix: 10.1.0.0/24}]}
nodes:
  n1:
    nics:
      eth0: {primary: true, mac: "52:54:00:00:00:01", network: stroage, address: 10.1.0.11}
"""

#: What `dip check` prints.
SENTENCE = """\
error: unknown network `stroage`
 --> lab.yaml:9:64
  |
9 |       eth0: {primary: true, mac: "52:54:00:00:00:01", network: stroage, address: 10.1.0.11}
  |                                                                ^^^^^^^ did you mean `storage`?"""


def test_a_site_tells_its_nodes_and_services(site):
    assert site.name == "demo"
    assert site.nodes == [f"r{rack}-n{number}" for rack in (1, 2) for number in (1, 2, 3, 4)]
    assert "dns" in site.services and site.warnings == []
    assert site.to_dict()["nodes"]["r1-n1"]["rack"] == "r1"


def test_a_typing_error_is_told_with_its_place_and_the_nearest_name():
    with pytest.raises(dip.SiteError) as raised:
        dip.Site.parse(TYPO, name="lab.yaml")
    (fault,) = raised.value.faults
    assert (fault.file, fault.line) == ("lab.yaml", 9)
    assert TYPO.splitlines()[8][fault.column - 1 :].startswith("stroage")
    assert "stroage" in fault.message
    assert str(raised.value) == str(fault) == SENTENCE


def test_all_faults_are_told_at_once():
    with pytest.raises(dip.SiteError) as raised:
        dip.Site.parse(TYPO.replace("domain:", "domian:"))
    assert len(raised.value.faults) == 2
    assert str(raised.value) == "\n\n".join(str(fault) for fault in raised.value.faults)


def test_files_are_read_with_overlays(tmp_path, site):
    base, over = tmp_path / "site.yaml", tmp_path / "over.yaml"
    base.write_text(dip.datacenter(nodes=8, racks=2))
    over.write_text("nodes: {r1-n1: {state: maintenance}}\n")
    loaded = dip.Site.load(base, [over])
    assert loaded.nodes == site.nodes
    assert loaded.to_dict()["nodes"]["r1-n1"]["state"] == "maintenance"
    assert not (tmp_path / "dip.lock").exists()


def test_a_file_that_is_not_there_is_a_site_error(tmp_path):
    path = tmp_path / "none.yaml"
    with pytest.raises(dip.SiteError, match="cannot be read") as raised:
        dip.Site.load(path)
    (fault,) = raised.value.faults
    assert fault.file is None and fault.line is None and str(path) in fault.message


def test_a_name_must_tell_the_format():
    with pytest.raises(ValueError, match="`.yaml`, `.toml` or `.json`"):
        dip.Site.parse("version: 1", name="site.txt")
    with pytest.raises(ValueError, match="1 to 250 racks, not 0"):
        dip.datacenter(nodes=1, racks=0)
    with pytest.raises(ValueError, match="up to 200 nodes, not 201"):
        dip.datacenter(nodes=201, racks=1)
