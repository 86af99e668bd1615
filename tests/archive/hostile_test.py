#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Archives that want out, or want too much: each is told for what it is, and nothing beside the folder changes.

    hostile_test.py ARCHIVE_DUMP [TEST...]
"""

import bz2
import gzip
import io
import lzma
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib

sys.dont_write_bytecode = True

from support import Bench, run  # noqa: E402


class Tar:
    """A tar of entries that tarfile itself would write nowhere."""

    def __init__(self, path, mode="w", **options):
        self.path = path
        self.tar = tarfile.open(path, mode, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tar.close()

    def file(self, name, content=b"evil"):
        info = tarfile.TarInfo(name)
        info.size = len(content)
        self.tar.addfile(info, io.BytesIO(content))

    def entry(self, name, kind, target=""):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        self.tar.addfile(info)

    def link(self, name, target):
        self.entry(name, tarfile.SYMTYPE, target)

    def hard(self, name, target):
        self.entry(name, tarfile.LNKTYPE, target)


def expect(bench, path, *kinds, timeout=120):
    with bench.unpacked(path, timeout=timeout) as unpacked:
        assert unpacked.kinds == sorted(kinds), (path.name, unpacked.facts)
        fatal = set(kinds) - {"duplicate", "undecodable-name"}
        assert unpacked.facts["whole"] == (not fatal), unpacked.facts
        return unpacked.facts


def names_that_lead_out(bench):
    outside = str(bench.outside)
    names = [outside + "/new", "../../outside/new", "a/../../../outside/new", "..", "a/..", "./../x", "/", "//etc/x",
             "a/b/../c"]
    for i, name in enumerate(names):
        path = bench.file(f"out-{i}.tar")
        with Tar(path) as tar:
            tar.file("before")
            tar.file(name)
            tar.file("after")
        assert expect(bench, path, "escape")["defect_count"] == 1
        path = bench.file(f"out-{i}.zip")
        with zipfile.ZipFile(path, "w") as archive:
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            archive.writestr(info, b"evil")
        # a name that ends in a slash is a folder
        expect(bench, path, "escape")


def links_that_lead_out(bench):
    outside = str(bench.outside)
    targets = [outside, "../../outside", "a/../../../outside", "/", "..", "a/../..", "/proc/self/root"]
    for i, target in enumerate(targets):
        path = bench.file(f"link-{i}.tar")
        with Tar(path) as tar:
            tar.link("l", target)
        facts = expect(bench, path, "link-outside")
        assert target in facts["defects"][0]["detail"], facts
        path = bench.file(f"link-{i}.zip")
        with zipfile.ZipFile(path, "w") as archive:
            info = zipfile.ZipInfo("l")
            info.create_system, info.external_attr = 3, 0o120777 << 16
            archive.writestr(info, target)
        expect(bench, path, "link-outside")


def write_through_a_link(bench):
    outside = str(bench.outside)
    for i, target in enumerate((outside, "../../outside")):
        path = bench.file(f"through-{i}.tar")
        with Tar(path) as tar:
            tar.link("l", target)
            tar.file("l/new")
            tar.file("l/canary")
        expect(bench, path, "link-outside", "escape")
    # Two links that are harmless alone.
    path = bench.file("through-two.tar")
    with Tar(path) as tar:
        tar.link("d", "a/b")
        tar.link("a/b", "../../..")
        tar.file("d/outside/new")
    expect(bench, path, "link-outside", "escape")
    # A link to a file, and that file written again through it.
    path = bench.file("through-file.tar")
    with Tar(path) as tar:
        tar.link("x", outside + "/canary")
        tar.file("x")
    expect(bench, path, "duplicate")
    # The folder becomes a link after it was made, and the other way round.
    path = bench.file("folder-then-link.tar")
    with Tar(path) as tar:
        tar.entry("d", tarfile.DIRTYPE)
        tar.link("d", outside)
        tar.file("d/new")
    expect(bench, path, "unreadable")
    path = bench.file("link-then-folder.tar")
    with Tar(path) as tar:
        tar.link("d", outside)
        tar.entry("d", tarfile.DIRTYPE)
        tar.file("d/new")
    expect(bench, path, "duplicate")
    # Circles.
    path = bench.file("circle.tar")
    with Tar(path) as tar:
        tar.link("a", "b")
        tar.link("b", "a")
        tar.file("a/x")
    expect(bench, path, "link-outside", "escape")


def hard_links(bench):
    outside = str(bench.outside)
    for i, target in enumerate((outside + "/canary", "../../outside/canary", "/etc/passwd")):
        path = bench.file(f"hard-{i}.tar")
        with Tar(path) as tar:
            tar.hard("h", target)
            tar.file("h", b"written through")
        expect(bench, path, "link-outside")
    # A hard link to a link that leads out, then written through.
    path = bench.file("hard-link.tar")
    with Tar(path) as tar:
        tar.link("l", outside + "/canary")
        tar.hard("h", "l")
        tar.file("h", b"written through")
    expect(bench, path, "link-outside", "duplicate")
    # What is not in the archive.
    path = bench.file("hard-nothing.tar")
    with Tar(path) as tar:
        tar.hard("h", "nothing")
    expect(bench, path, "unreadable")
    # Writing one of two names anew leaves the other as it is.
    path = bench.file("hard-rewrite.tar")
    with Tar(path) as tar:
        tar.file("a", b"one")
        tar.hard("b", "a")
        tar.file("b", b"two")
    with bench.unpacked(path) as unpacked:
        assert unpacked.kinds == ["duplicate"]
        assert (unpacked.folder / "a").read_bytes() == b"one" and (unpacked.folder / "b").read_bytes() == b"two"


def special_files(bench):
    for kind in (tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE):
        path = bench.file(f"special-{kind[0]}.tar")
        with Tar(path) as tar:
            tar.file("a")
            tar.entry("dev", kind)
        expect(bench, path, "special-file")
    for mode in (0o010644, 0o020644, 0o060644, 0o140644):
        path = bench.file(f"special-{mode:o}.zip")
        with zipfile.ZipFile(path, "w") as archive:
            info = zipfile.ZipInfo("dev")
            info.create_system, info.external_attr = 3, mode << 16
            archive.writestr(info, b"")
        expect(bench, path, "special-file")


def things_in_each_others_place(bench):
    cases = [[("a", None), ("a/b", None)], [("a/b", None), ("a", None)]]
    for i, names in enumerate(cases):
        path = bench.file(f"place-{i}.tar")
        with Tar(path) as tar:
            for name, _ in names:
                tar.file(name)
        expect(bench, path, "unreadable")


MIB_256 = bytes(256 << 20)


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


def bombs(bench):
    """10 GiB of zeros in a tar, of streams one behind the other: one is packed, and repeated."""
    info = tarfile.TarInfo("zeros")
    info.size = 10 << 30
    for suffix, pack in ((".zst", zstd), (".xz", lambda data: lzma.compress(data, preset=0)),
                         (".gz", lambda data: gzip.compress(data, 1))):
        path = bench.file(f"bomb.tar{suffix}")
        block = pack(MIB_256)
        path.write_bytes(pack(info.tobuf(tarfile.GNU_FORMAT)) + block * 40 + pack(bytes(1024)))
        assert path.stat().st_size * 200 < info.size, path.stat()
        facts = expect(bench, path, "too-large")
        assert facts["unpacked_bytes"] == 0, facts
        # The same behind the archive's end, where no header says how much it is.
        path.write_bytes(pack(tarfile.TarInfo("a").tobuf(tarfile.GNU_FORMAT)) + block * 40)
        expect(bench, path, "too-large")


def zip_bomb(bench):
    """Zeros in many entries, none of which is too large: their sum is."""
    path = bench.file("many.zip")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(MIB_256) + packer.flush()
    sizes = struct.pack("<III", zlib.crc32(MIB_256), len(data), len(MIB_256))
    out, directory = b"", b""
    for i in range(40):
        name = b"zeros-%d" % i
        fields = struct.pack("<HHHHH", 20, 0, 8, 0, 33) + sizes + struct.pack("<HH", len(name), 0)
        directory += b"PK\1\2" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, len(out)) + name
        out += b"PK\3\4" + fields + name + data
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 40, 40, len(directory), len(out), 0)
    path.write_bytes(out + directory + end)
    with zipfile.ZipFile(path) as archive:
        assert len(archive.infolist()) == 40
    assert path.stat().st_size * 200 < 40 << 28, path.stat()
    facts = expect(bench, path, "too-large", timeout=400)
    assert facts["unpacked_bytes"] <= 4 << 30, facts


def claimed_sizes(bench):
    """Sizes that are written down only: nothing is reserved for them, and the rest is missing."""
    for size in (1 << 33, 1 << 40, (1 << 63) - 1):
        path = bench.file("claim.tar")
        info = tarfile.TarInfo("a")
        info.size = size
        path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"x" * 512)
        with bench.unpacked(path) as unpacked:
            assert unpacked.kinds == ["too-large"], unpacked.facts
            assert unpacked.seconds < 5
    # A sparse file of a terabyte in a kilobyte.
    path = bench.file("sparse.tar")
    info = tarfile.TarInfo("a")
    info.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 40)}
    path.write_bytes(info.tobuf(tarfile.PAX_FORMAT) + bytes(1024))
    expect(bench, path, "too-large")
    # Maps that overlap, go back, or name more than there is.
    for i, sparse in enumerate(("0,10,5,10", "100,1,0,1", "0,4096", "0", "0,x", "5,18446744073709551615")):
        path = bench.file(f"map-{i}.tar")
        info = tarfile.TarInfo("a")
        info.size = 512
        info.pax_headers = {"GNU.sparse.map": sparse, "GNU.sparse.size": "1000000"}
        path.write_bytes(info.tobuf(tarfile.PAX_FORMAT) + bytes(512) + bytes(1024))
        with bench.unpacked(path) as unpacked:
            assert unpacked.kinds in (["unreadable"], ["too-large"]), (sparse, unpacked.facts)


def many_entries(bench):
    path = bench.file("many.tar.gz")
    header = bytearray(tarfile.TarInfo("f000000").tobuf(tarfile.USTAR_FORMAT))
    with gzip.open(path, "wb", compresslevel=1) as out:
        for i in range(300_000):
            header[0:7] = b"f%06d" % i
            header[148:156] = b" " * 8
            header[148:156] = b"%06o\0 " % sum(header)
            out.write(header)
        out.write(bytes(1024))
    with bench.unpacked(path, timeout=400) as unpacked:
        assert unpacked.kinds == ["too-large"] and unpacked.facts["entries"] == 200_000, unpacked.facts
    # A zip says how many there are before any is written.
    path = bench.file("many.zip")
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(201_000):
            archive.writestr(f"f{i}", b"")
    with bench.unpacked(path) as unpacked:
        assert unpacked.kinds == ["too-large"] and not unpacked.tree(), unpacked.facts
    # Folders that no entry is for.
    path = bench.file("folders.tar.gz")
    with Tar(path, "w:gz", compresslevel=1) as tar:
        for i in range(2500):
            tar.file(f"{i}/" + "d/" * 97 + "f")
    with bench.unpacked(path, timeout=400) as unpacked:
        assert unpacked.kinds == ["too-large"], unpacked.facts


def deep_and_long_names(bench):
    path = bench.file("deep.tar")
    with Tar(path) as tar:
        tar.file("d/" * 200 + "f")
        tar.file("x" * 300)
        tar.file("/".join(["y" * 200] * 30))
    facts = expect(bench, path, "too-large")
    assert facts["defect_count"] == 3, facts
    path = bench.file("nul.tar")
    info = tarfile.TarInfo("a\0b")
    info.pax_headers = {"path": "a\0b"}
    path.write_bytes(info.tobuf(tarfile.PAX_FORMAT) + bytes(1024))
    expect(bench, path, "unreadable")


def headers_without_end(bench):
    """Extension headers that no entry follows, and large ones."""
    path = bench.file("headers.tar.gz")
    with gzip.open(path, "wb", compresslevel=1) as out:
        one = tarfile.TarInfo.create_pax_global_header({"comment": "x"})
        for _ in range(100_000):
            out.write(one)
    expect(bench, path, "too-large")
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 32
    path = bench.file("longlink.tar")
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"a" * 1024)
    expect(bench, path, "too-large")


def zips_that_two_readers_read_differently(bench):
    good = io.BytesIO()
    with zipfile.ZipFile(good, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("main.py", b"print()" * 10)
        archive.writestr("net.pth", b"weights")
    data = good.getvalue()
    central = data.index(b"PK\x01\x02")
    cases = {"name": data[:30] + b"evil.py" + data[37:], "method": data[:8] + b"\0\0" + data[10:],
             "checksum": data[:14] + b"\1\2\3\4" + data[18:], "size": data[:22] + b"\xff\0\0\0" + data[26:],
             "offset": data[:central + 42] + b"\1\0\0\0" + data[central + 46:],
             "count": data[:-12] + b"\1\0" + data[-10:],
             "encrypted": data[:6] + b"\1\0" + data[8:central + 8] + b"\1\0" + data[central + 10:]}
    for name, content in cases.items():
        path = bench.file(f"differs-{name}.zip")
        path.write_bytes(content)
        facts = expect(bench, path, "unreadable")
        if name == "encrypted":
            assert "is encrypted" in facts["defects"][0]["detail"], facts
    # Two entries over the same bytes.
    second = central + data[central + 4:].index(b"PK\x01\x02") + 4
    path = bench.file("overlap.zip")
    path.write_bytes(data[:second + 42] + b"\0\0\0\0" + data[second + 46:])
    expect(bench, path, "unreadable")


def passwords(bench):
    path = bench.file("secret.zip")
    (bench.scratch / "plain.txt").write_text("text")
    subprocess.run(["zip", "-qj", "-P", "secret", path, bench.scratch / "plain.txt"], check=True)
    facts = expect(bench, path, "unreadable")
    assert "is encrypted" in facts["defects"][0]["detail"], facts


def what_is_no_archive(bench):
    cases = {"empty.tar.gz": b"", "text.tar": b"hello\n" * 1000, "page.zip": b"<!DOCTYPE html><html></html>",
             "pointer.tar.gz": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
             "text.gz": gzip.compress(b"hello\n" * 1000), "text.xz": lzma.compress(b"hello\n" * 1000),
             "text.bz2": bz2.compress(b"hello\n"), "nothing.gz": gzip.compress(b""), "zeros.tar": bytes(10240),
             "one.tar": b"x", "rar.zip": b"Rar!\x1a\x07\x01\0" + bytes(100), "7z.zip": b"7z\xbc\xaf\x27\x1c" + bytes(99),
             "end.zip": b"PK\x05\x06" + bytes(18), "pk.zip": b"PK\x03\x04"}
    for name, content in cases.items():
        path = bench.file(name)
        path.write_bytes(content)
        facts = expect(bench, path, "unreadable")
        assert facts["defects"][0]["detail"], facts


def volumes(bench):
    path = bench.file("volume.tar")
    info = tarfile.TarInfo("part")
    info.type = b"M"
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert "another volume" in expect(bench, path, "unreadable")["defects"][0]["detail"]


def no_room(bench):
    """That the disk is full is not the archive's fault: refused, not a defect."""
    shutil.which("unshare") or sys.exit(77)
    path = bench.file("roomy.tar")
    with open(path, "wb") as out:
        info = tarfile.TarInfo("a")
        info.size = 3 << 30
        out.write(info.tobuf(tarfile.GNU_FORMAT))
        out.truncate(512 + info.size + 1024)
    script = 'mkdir "$1"; mount -t tmpfs -o size=100m none "$1"; mkdir "$1/root"; exec "$2" "$3" "$1/root"'
    ran = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", script, "sh",
                          bench.scratch / "small", bench.dump, path], capture_output=True, text=True)
    if ran.returncode != 0 and "unshare" in ran.stderr:
        print(f"      no namespace here: {ran.stderr.strip()}")
        return
    assert '"refused"' in ran.stdout and "TMPDIR" in ran.stdout, ran.stdout + ran.stderr


if __name__ == "__main__":
    os.umask(0o022)
    with Bench(sys.argv[1]) as bench:
        sys.exit(run([names_that_lead_out, links_that_lead_out, write_through_a_link, hard_links, special_files,
                      things_in_each_others_place, bombs, zip_bomb, claimed_sizes, many_entries, deep_and_long_names,
                      headers_without_end, zips_that_two_readers_read_differently, passwords, what_is_no_archive,
                      volumes, no_room], bench))
