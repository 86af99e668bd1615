#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What good archives unpack to, against what was packed and what Python's tarfile and zipfile list.

    good_test.py ARCHIVE_DUMP [TEST...]
"""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import unicodedata
import zipfile
import zlib
from pathlib import Path

sys.dont_write_bytecode = True

from support import Bench, run, tree_of  # noqa: E402

NFC = unicodedata.normalize("NFC", "모델/손짓.pth")
NFD = unicodedata.normalize("NFD", "모델/가나다.pth")
LONG = "폴더/" * 20 + "x" * 200 + "/한글.bin"
TIME = 1712345678
# As the packers write them: Python's tarfile and zipfile, GNU tar, bsdtar and Info-ZIP.
COMPRESSIONS = {"": "w", ".gz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}


def write_package(folder):
    """Every kind of thing that a package may have, in Korean too."""
    files = {"main.py": b"print()\n", NFC: b"weights" * 1000, NFD: b"\0" * 100_000 + b"tail", LONG: b"deep",
             "empty": b"", "bin/start": b"#!/bin/sh\n", "spaces and 'quotes'.txt": b"x", "back\\slash": b"y"}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (TIME, TIME))
    (folder / "bin/start").chmod(0o755)
    (folder / "main.py").chmod(0o640)
    (folder / "empty folder").mkdir()
    (folder / "read only").mkdir()
    (folder / "read only/file").write_bytes(b"z")
    (folder / "read only/file").chmod(0o444)
    (folder / "read only").chmod(0o555)
    (folder / "latest").symlink_to("모델")
    (folder / "bin/up").symlink_to("../main.py")


def package_of(bench):
    folder = bench.scratch / "package"
    if not folder.exists():
        folder.mkdir()
        write_package(folder)
    return folder


def plain(tree, times=True):
    """Without the times of folders, which packing changes."""
    return {name: (*entry[:3], entry[3] if times else 0) if entry[0] == "file" else entry[:2]
            for name, entry in tree.items()}


def assert_same(unpacked, folder, form, times=True):
    assert unpacked.facts["whole"], unpacked.facts
    assert unpacked.facts["defects"] == [], unpacked.facts
    assert unpacked.facts["format"] == form, unpacked.facts["format"]
    expected, got = plain(tree_of(folder), times), plain(unpacked.tree(), times)
    assert got == expected, (set(got) ^ set(expected), [k for k in got if got[k] != expected.get(k)])
    size = sum(len(entry[1]) for entry in tree_of(folder).values() if entry[0] == "file")
    assert unpacked.facts["unpacked_bytes"] == size, unpacked.facts


def python_tars(bench):
    folder = package_of(bench)
    for suffix, mode in COMPRESSIONS.items():
        for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
            path = bench.file(f"python-{form}.tar{suffix}")
            with tarfile.open(path, mode, format=form) as tar:
                for name in sorted(os.listdir(folder)):
                    tar.add(folder / name, name)
            with tarfile.open(path) as tar:
                count = len(tar.getmembers())
            kind = {"": "tar", ".gz": "tar (gzip)", ".xz": "tar (xz)", ".bz2": "tar (bzip2)"}[suffix]
            with bench.unpacked(path) as unpacked:
                assert_same(unpacked, folder, kind)
                assert unpacked.facts["entries"] == count, (unpacked.facts, count)


def command_tars(bench):
    folder = package_of(bench)
    made = []
    for tool, forms in (("tar", ("gnu", "pax", "ustar", "posix")), ("bsdtar", ("gnutar", "pax", "ustar"))):
        for form in forms:
            path = bench.file(f"{tool}-{form}.tar")
            # Neither has room for the long name in ustar.
            without = ["--exclude", "./폴더"] if form == "ustar" else []
            ran = subprocess.run([tool, "-C", folder, f"--format={form}", *without, "-cf", path, "."],
                                 capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
            assert ran.returncode == 0, ran.stderr
            made.append((path, bool(without)))
    for path, without in made:
        with bench.unpacked(path) as unpacked:
            if without:
                assert unpacked.facts["whole"] and not unpacked.facts["defects"], unpacked.facts
                assert {NFC.encode(), NFD.encode()} <= set(unpacked.tree()), unpacked.tree().keys()
            else:
                assert_same(unpacked, folder, "tar")


def zstd_and_streams(bench):
    folder = package_of(bench)
    plain_tar = bench.file("stream.tar")
    subprocess.run(["tar", "-C", folder, "-cf", plain_tar, "."], check=True)
    for command, suffix, kind in ((["zstd", "-q", "-19"], ".zst", "zstd"),
                                  (["zstd", "-q", "--long=27", "--check"], ".long.zst", "zstd"),
                                  (["gzip"], ".c.gz", "gzip")):
        path = bench.file(f"stream.tar{suffix}")
        with open(path, "wb") as out:
            subprocess.run([*command, "-c", plain_tar], check=True, stdout=out)
        with bench.unpacked(path) as unpacked:
            assert_same(unpacked, folder, f"tar ({kind})")
    # Several members, as `cat a.gz b.gz` and pigz make them; zeros behind.
    data = plain_tar.read_bytes()
    import gzip
    import lzma
    half = len(data) // 2
    for name, packer in (("gz", gzip.compress), ("xz", lzma.compress)):
        path = bench.file(f"parts.tar.{name}")
        path.write_bytes(packer(data[:half]) + packer(data[half:]) + (b"\0" * 4096 if name == "gz" else b""))
        with bench.unpacked(path) as unpacked:
            assert unpacked.facts["whole"], unpacked.facts
            assert unpacked.tree().keys() == tree_of(folder).keys()


def sparse_files(bench):
    folder = bench.scratch / "sparse"
    folder.mkdir()
    with open(folder / "holes.bin", "wb") as file:
        for i in range(60):
            file.seek(i * 200_000)
            file.write(f"part {i}".encode())
        file.truncate(20_000_000)
    with open(folder / "all hole", "wb") as file:
        file.truncate(5_000_000)
    for form, version in (("gnu", None), ("pax", "0.0"), ("pax", "0.1"), ("pax", "1.0")):
        path = bench.file(f"sparse-{form}-{version}.tar")
        more = [f"--sparse-version={version}"] if version else []
        subprocess.run(["tar", "-C", folder, f"--format={form}", "--sparse", *more, "-cf", path, "."], check=True)
        assert path.stat().st_size < 1_000_000, path.stat()
        with bench.unpacked(path) as unpacked:
            assert plain(unpacked.tree(), False) == plain(tree_of(folder), False), path
            assert unpacked.facts["unpacked_bytes"] == 25_000_000, unpacked.facts
            # the holes stay holes
            assert (unpacked.folder / "all hole").stat().st_blocks < 100


def zips(bench):
    folder = package_of(bench)
    methods = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2,
               "lzma": zipfile.ZIP_LZMA}
    for name, method in methods.items():
        path = bench.file(f"python-{name}.zip")
        with zipfile.ZipFile(path, "w", method) as archive:
            for place, folders, files in os.walk(folder):
                for own in folders + files:
                    one = Path(place) / own
                    if not one.is_symlink():
                        archive.write(one, one.relative_to(folder))
        with zipfile.ZipFile(path) as archive:
            listed = archive.namelist()
        with bench.unpacked(path) as unpacked:
            assert unpacked.facts["whole"] and unpacked.facts["format"] == "zip", unpacked.facts
            assert unpacked.facts["entries"] == len(listed)
            expected = {k: v for k, v in plain(tree_of(folder), False).items() if v[0] != "link"}
            assert plain(unpacked.tree(), False) == expected, set(expected) ^ set(unpacked.tree())
    # Info-ZIP, with links kept; bsdtar writes zips whose sizes stand behind the data.
    path = bench.file("info.zip")
    subprocess.run(["zip", "-qry", path, "."], cwd=folder, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    with bench.unpacked(path) as unpacked:
        assert_same(unpacked, folder, "zip")
    path = bench.file("bsd.zip")
    subprocess.run(["bsdtar", "-C", folder, "--format=zip", "-cf", path, "."], check=True,
                   env={**os.environ, "LC_ALL": "C.UTF-8"})
    with bench.unpacked(path) as unpacked:
        assert_same(unpacked, folder, "zip")
    # To a pipe, where the packer cannot go back to its headers.
    path = bench.file("piped.zip")
    with zipfile.ZipFile(Pipe(open(path, "wb")), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NFC, b"weights")
    with bench.unpacked(path) as unpacked:
        assert unpacked.facts["whole"] and unpacked.tree()[NFC.encode()][1] == b"weights", unpacked.facts


class Pipe(io.RawIOBase):
    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)

    def flush(self):
        self.file.flush()

    def close(self):
        super().close()
        self.file.close()


def raw_tar(bench, name, entries, **options):
    path = bench.file(name)
    with tarfile.open(path, "w", **options) as tar:
        for entry, content in entries:
            info = tarfile.TarInfo(entry)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def names_in_other_encodings(bench):
    # Declared and plain UTF-8 in all forms of both archives: the same bytes.
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
        path = raw_tar(bench, f"names-{form}.tar", [(NFC, b"c"), (NFD, b"d")], format=form)
        with bench.unpacked(path) as unpacked:
            assert not unpacked.facts["defects"], unpacked.facts
            assert {NFC.encode(), NFD.encode()} <= set(unpacked.tree())
    # EUC-KR in a tar, as an old system writes it: the bytes are kept, and told.
    for form in (tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
        path = raw_tar(bench, f"euc-{form}.tar", [("모델.pth", b"e")], format=form, encoding="euc-kr")
        with bench.unpacked(path) as unpacked:
            assert unpacked.facts["whole"] and unpacked.kinds == ["undecodable-name"], unpacked.facts
            assert "모델.pth".encode("euc-kr") in unpacked.tree()
    # pax with hdrcharset=BINARY, as Python writes what is no UTF-8 on disk.
    raw = "모델.pth".encode("euc-kr").decode("utf-8", "surrogateescape")
    path = raw_tar(bench, "binary.tar", [(raw, b"e")], format=tarfile.PAX_FORMAT)
    with bench.unpacked(path) as unpacked:
        assert unpacked.kinds == ["undecodable-name"] and "모델.pth".encode("euc-kr") in unpacked.tree(), unpacked.facts


def zip_names(bench):
    # Flag 11 is off, and the bytes are those of the name: old Windows in Korea (CP949), and UTF-8 without saying so.
    for encoding, kinds in (("cp949", ["undecodable-name"]), ("utf-8", [])):
        path = bench.file(f"flagless-{encoding}.zip")
        name = "모델.pth".encode(encoding)
        write_zip_with_name(path, name)
        with bench.unpacked(path) as unpacked:
            assert unpacked.facts["whole"] and unpacked.kinds == kinds, unpacked.facts
            assert list(unpacked.tree()) == [name]
    # Info-ZIP's field says what the name is, as long as it belongs to it.
    for good in (True, False):
        path = bench.file(f"field-{good}.zip")
        local = "모델.pth".encode("cp949")
        crc = zlib.crc32(local) if good else 1
        text = "모델.pth".encode()
        field = b"\x75\x70" + (5 + len(text)).to_bytes(2, "little") + b"\1" + crc.to_bytes(4, "little") + text
        write_zip_with_name(path, local, field)
        with bench.unpacked(path) as unpacked:
            assert list(unpacked.tree()) == [text if good else local]
            assert unpacked.kinds == ([] if good else ["undecodable-name"]), unpacked.facts


def write_zip_with_name(path, name, extra=b""):
    placeholder = "N" * len(name)
    info = zipfile.ZipInfo(placeholder)
    info.extra = extra
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, b"content")
    path.write_bytes(path.read_bytes().replace(placeholder.encode(), name))


def large_numbers(bench):
    """uid, gid and times beyond octal fields, negative times, fractions of seconds."""
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = bench.file(f"numbers-{form}.tar")
        with tarfile.open(path, "w", format=form) as tar:
            for name, mtime in (("early", -86400), ("late", 2**33), ("part", TIME + 0.5 * (form == tarfile.PAX_FORMAT))):
                info = tarfile.TarInfo(name)
                info.uid, info.gid, info.mtime = 2**31, 2**40, mtime
                tar.addfile(info)
        with bench.unpacked(path) as unpacked:
            assert unpacked.facts["whole"], unpacked.facts
            assert int((unpacked.folder / "early").stat().st_mtime) == -86400
            assert (unpacked.folder / "part").stat().st_mtime == TIME + 0.5 * (form == tarfile.PAX_FORMAT)


def modes(bench):
    path = bench.file("modes.tar")
    with tarfile.open(path, "w") as tar:
        for mode in (0o600, 0o4755, 0o2755, 0o1777, 0o000, 0o444):
            info = tarfile.TarInfo(f"f{mode:o}")
            info.mode = mode
            tar.addfile(info)
    with bench.unpacked(path) as unpacked:
        assert unpacked.facts["whole"]
        for mode in (0o600, 0o4755, 0o2755, 0o1777, 0o000, 0o444):
            assert (unpacked.folder / f"f{mode:o}").stat().st_mode & 0o7777 == mode & 0o777, oct(mode)


def links(bench):
    path = bench.file("links.tar")
    with tarfile.open(path, "w") as tar:
        def link(name, target, kind=tarfile.SYMTYPE):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
        def file(name, content):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        file("a/one", b"1")
        link("b/hard", "a/one", tarfile.LNKTYPE)
        link("lib64", "lib")
        # below a link of the archive, which stays inside
        file("lib64/net.pth", b"net")
        link("chain", "lib64/../a")
        link("dangling", "not/there")
        link("x/y/up", "../../a/one")
    with bench.unpacked(path) as unpacked:
        assert unpacked.facts["whole"] and not unpacked.facts["defects"], unpacked.facts
        folder = unpacked.folder
        assert os.path.samefile(folder / "a/one", folder / "b/hard")
        assert (folder / "lib/net.pth").read_bytes() == (folder / "lib64/net.pth").read_bytes() == b"net"
        assert (folder / "chain/one").read_bytes() == (folder / "x/y/up").read_bytes() == b"1"
        assert os.readlink(folder / "dangling") == "not/there"


def the_later_wins(bench):
    for name, opened in (("twice.tar", tarfile.open), ("twice.zip", zipfile.ZipFile)):
        path = bench.file(name)
        import warnings
        with warnings.catch_warnings(), opened(path, "w") as archive:
            warnings.simplefilter("ignore")
            for content in (b"first", b"second one"):
                if name.endswith("zip"):
                    archive.writestr("m/x", content)
                else:
                    info = tarfile.TarInfo("m/x")
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
        with bench.unpacked(path) as unpacked:
            assert unpacked.facts["whole"] and unpacked.kinds == ["duplicate"], unpacked.facts
            assert unpacked.tree()[b"m/x"][1] == b"second one"


def top_folders(bench):
    cases = [(["s-1.2/main.py", "s-1.2/a"], ["main.py"], "s-1.2/"), (["s-1.2/main.py", "a"], ["main.py"], ""),
             (["s/main.py"], ["s/main.py"], ""), (["s/main.py"], ["other.py"], ""), (["main.py"], ["main.py"], ""),
             (["s/m/x.pth", "s/m/y.pth"], ["m/x.pth", "m/z.pth"], "s/"), (["./s/main.py"], ["main.py"], "s/"),
             (["s/main.py"], [], "")]
    for i, (names, wanted, top) in enumerate(cases):
        path = raw_tar(bench, f"top-{i}.tar", [(name, b"x") for name in names])
        with bench.unpacked(path, *wanted) as unpacked:
            assert unpacked.facts["top_folder"] == top, (names, wanted, unpacked.facts["top_folder"])


def wheels(bench):
    path = bench.file("sign-1.2-py3-none-any.whl")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sign/__init__.py", b"")
        archive.writestr("sign-1.2.dist-info/METADATA", b"Metadata-Version: 2.1\nName: sign\n")
    with bench.unpacked(path) as unpacked:
        assert unpacked.facts["whole"] and unpacked.facts["format"] == "wheel", unpacked.facts


def zeros_of_an_honest_size(bench):
    """A model of zeros shrinks a thousandfold, and is no bomb."""
    path = bench.file("zeros.tar.gz")
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("zeros.pth")
        info.size = 300_000_000
        with open("/dev/zero", "rb") as zeros:
            tar.addfile(info, zeros)
    assert path.stat().st_size < 400_000
    with bench.unpacked(path) as unpacked:
        assert unpacked.facts["whole"], unpacked.facts
        assert (unpacked.folder / "zeros.pth").stat().st_size == 300_000_000


if __name__ == "__main__":
    missing = [tool for tool in ("tar", "bsdtar", "zip", "zstd", "gzip") if not shutil.which(tool)]
    assert not missing, f"not installed: {missing}"
    with Bench(sys.argv[1]) as bench:
        sys.exit(run([python_tars, command_tars, zstd_and_streams, sparse_files, zips, names_in_other_encodings,
                      zip_names, large_numbers, modes, links, the_later_wins, top_folders, wheels,
                      zeros_of_an_honest_size], bench))
