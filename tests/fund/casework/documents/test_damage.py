"""Random damage to good documents: never a crash, never a hang; refused, or really readable by another tool."""

import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caisse.fund.casework.documents.inspection import inspect
from caisse.fund.casework.documents.limits import DocumentLimits

from . import hostile

QPDF = shutil.which("qpdf")
LIMITS = DocumentLimits(cpu_seconds=5, memory_bytes=512 * 1024 * 1024)
DOCUMENTS = {name: made() for name, made in hostile.GOOD.items()}

names = st.sampled_from(sorted(DOCUMENTS))
pieces = st.one_of(
    st.binary(min_size=1, max_size=40),
    st.sampled_from(
        [b"/JS", b"endobj", b">>", b"stream\n", b"99999999999", b"-1", b"4 0 R", b"%%EOF", b"[[[[[[[["]
    ),
)
cuts = st.lists(st.tuples(st.integers(0, 1_000_000), pieces), min_size=1, max_size=6)


@pytest.mark.skipif(not (QPDF and shutil.which("pdfinfo")), reason="needs qpdf and poppler-utils")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(name=names, cuts=cuts, kept=st.one_of(st.none(), st.floats(0, 1)))
def test_damage_is_refused_or_does_no_harm(tmp_path, name, cuts, kept):
    content = hostile.damaged(DOCUMENTS[name], cuts)
    if kept is not None:
        content = content[: int(len(content) * kept)]
    path = tmp_path / "damaged.pdf"
    path.write_bytes(content)
    found = inspect(path, limits=LIMITS)
    assert found.size == len(content)
    if found.ok:
        # 3 are warnings, such as a wrong length that could be put right; 2 is a document nobody can open.
        checked = subprocess.run([QPDF, "--check", path], capture_output=True, timeout=60, check=False)
        if checked.returncode not in {0, 3}:
            # It is strict about identifiers that nothing needs; then another reader must open it.
            subprocess.run(["pdfinfo", path], capture_output=True, timeout=60, check=True)
