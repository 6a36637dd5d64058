"""Both doors tried from two real networks: the health network, and one that is not."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from caisse.fund.exchange.models import Deposit

from .doorway import PASSWORD, https_door, sftp_door

_IP = shutil.which("ip")
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or _IP is None or shutil.which("curl") is None, reason="needs root, iproute2 and curl"
)


def _ip(*arguments: str) -> None:
    subprocess.run([str(_IP), *arguments], check=True, capture_output=True)


@dataclass(frozen=True)
class Networks:
    """The fund's namespace, joined to one inside the health network and to one outside."""

    tag: str

    def run(self, side: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on one side."""
        return subprocess.run(
            [*self.before(side), *command], check=False, capture_output=True, text=True, timeout=60
        )

    def before(self, side: str) -> tuple[str, ...]:
        return (str(_IP), "netns", "exec", f"{self.tag}-{side}")


@pytest.fixture
def networks() -> Iterator[Networks]:
    tag = f"caisse{os.getpid()}"
    made = Networks(tag)
    sides = ("fund", "inside", "outside")
    try:
        try:
            for side in sides:
                _ip("netns", "add", f"{tag}-{side}")
        except subprocess.CalledProcessError:
            pytest.skip("this machine makes no network namespaces")
        for number, side in ((1, "inside"), (2, "outside")):
            near, far = f"v{number}f{os.getpid()}"[:15], f"v{number}p{os.getpid()}"[:15]
            _ip(
                "-n",
                f"{tag}-fund",
                "link",
                "add",
                near,
                "type",
                "veth",
                "peer",
                "name",
                far,
                "netns",
                f"{tag}-{side}",
            )
            for where, link, last in ((f"{tag}-fund", near, 1), (f"{tag}-{side}", far, 2)):
                _ip("-n", where, "address", "add", f"10.213.{number}.{last}/30", "dev", link)
                _ip("-n", where, "link", "set", link, "up")
        yield made
    finally:
        for side in sides:
            subprocess.run([str(_IP), "netns", "del", f"{tag}-{side}"], check=False, capture_output=True)


def test_only_the_health_network_reaches_the_doors(db, lab, networks, tmp_path, fund_toml):
    fund_toml('["127.0.0.0/8", "::1/128"]', '["10.213.1.0/30"]')
    (tmp_path / lab.name("N1")).write_bytes(b"<a/>")
    (tmp_path / "batch").write_text(f"put {tmp_path / lab.name('N1')} in/\n")
    before = networks.before("fund")
    with (
        sftp_door(db, tmp_path / "sftp", "0.0.0.0", before) as sftp,
        https_door(db, tmp_path / "web", "0.0.0.0", before) as web,
    ):
        for side, address, reached in (("inside", "10.213.1.1", True), ("outside", "10.213.2.1", False)):
            put = networks.run(
                side, "sftp", "-q", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o",
                "UserKnownHostsFile=/dev/null", "-i", str(lab.key_file), "-P", str(sftp.port),
                "-b", str(tmp_path / "batch"), f"{lab.user}@{address}",
            )  # fmt: skip
            assert (put.returncode == 0) is reached, put.stderr
            listed = networks.run(
                side, "curl", "-sk", "-u", f"{lab.user}:{PASSWORD}", "-w", "%{http_code}", "-o", "/dev/null",
                f"https://{address}:{web.port}/api/v1/deposits",
            )  # fmt: skip
            assert listed.stdout == ("200" if reached else "403"), listed
    assert Deposit.objects.count() == 1
