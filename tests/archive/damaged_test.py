#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Archives that were cut off or changed on their way: no crash, no hang, nothing outside, and never a whole package
whose content is another one where the format has a checksum over it.

    damaged_test.py ARCHIVE_DUMP [TEST...]
"""

import gzip
import io
import lzma
import random
import subprocess
import sys
import tarfile
import zipfile

sys.dont_write_bytecode = True

from support import Bench, run  # noqa: E402

FILES = {"main.py": b"print('hello')\n" * 40, "모델/손짓.pth": bytes(range(256)) * 60, "empty": b"",
         "a/" * 40 + "deep": b"x" * 700}


def plain_tar(form):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, content in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("latest")
        link.type, link.linkname = tarfile.SYMTYPE, "모델"
        tar.addfile(link)
    return out.getvalue()


def plain_zip(method):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return out.getvalue()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c", "--check"], input=data, capture_output=True, check=True).stdout


def archives():
    pax, gnu = plain_tar(tarfile.PAX_FORMAT), plain_tar(tarfile.GNU_FORMAT)
    return {"pax.tar": pax, "gnu.tar": gnu, "a.tar.gz": gzip.compress(pax, mtime=0), "a.tar.xz": lzma.compress(pax),
            "a.tar.zst": zstd(gnu), "stored.zip": plain_zip(zipfile.ZIP_STORED),
            "deflated.zip": plain_zip(zipfile.ZIP_DEFLATED), "lzma.zip": plain_zip(zipfile.ZIP_LZMA)}


def content_of(unpacked):
    return {name: entry[1] for name, entry in unpacked.tree().items() if entry[0] == "file"}


EXPECTED = {name.encode(): content for name, content in FILES.items()}


def cut_off(bench):
    told = 0
    for name, data in archives().items():
        generator = random.Random(name)
        lengths = {*range(0, 40), *(len(data) - i for i in range(1, 40)), *range(0, len(data), 512),
                   *(generator.randrange(len(data)) for _ in range(40))}
        path = bench.file(f"cut-{name}")
        # What ends after its end mark is whole: padding, and nothing else.
        padding = len(data) - len(data.rstrip(b"\0")) if name.endswith(".tar") else 0
        for length in sorted(length for length in lengths if length < len(data)):
            path.write_bytes(data[:length])
            with bench.unpacked(path, timeout=20) as unpacked:
                if unpacked.facts["whole"]:
                    assert length > len(data) - padding and content_of(unpacked) == EXPECTED, (name, length)
                else:
                    assert "unreadable" in unpacked.kinds, (name, length, unpacked.facts)
                    told += 1
    assert told > 400, told
    print(f"      {told} archives that are cut off")


def flipped(bench):
    whole = told = 0
    for name, data in archives().items():
        generator = random.Random(name)
        path = bench.file(f"flipped-{name}")
        for i in range(90):
            changed = bytearray(data)
            for _ in range(generator.choice((1, 1, 1, 2, 8))):
                at = generator.randrange(len(data))
                changed[at] ^= 1 << generator.randrange(8)
            # also whole bytes, and bytes that move
            if i % 10 == 9:
                at = generator.randrange(len(data))
                del changed[at:at + generator.randrange(1, 600)]
            elif i % 10 == 8:
                at = generator.randrange(len(data))
                changed[at:at] = generator.randbytes(generator.randrange(1, 600))
            path.write_bytes(changed)
            with bench.unpacked(path, timeout=20) as unpacked:
                told += not unpacked.facts["whole"]
                if unpacked.facts["whole"]:
                    whole += 1
                    # A plain tar has no checksum over its content.
                    if not name.endswith(".tar") and not name.endswith(".zip"):
                        assert content_of(unpacked) == EXPECTED, (name, i)
                    if name.endswith(".zip"):
                        # times and modes have none; content has
                        assert sorted(content_of(unpacked).values()) == sorted(EXPECTED.values()), (name, i)
    print(f"      {told} damaged archives are told, {whole} are whole")
    assert told > 400 and whole < told, (told, whole)


if __name__ == "__main__":
    with Bench(sys.argv[1]) as bench:
        sys.exit(run([cut_off, flipped], bench))
