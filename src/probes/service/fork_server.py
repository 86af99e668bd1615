# SPDX-License-Identifier: Apache-2.0
"""An interpreter that has imported what a server imports from outside its package, and becomes the server by fork.

Run by fork_server.cpp, with the module or script of the server's command and its words as arguments; descriptor 3 is a
listening Unix socket, and descriptor 4 is told "ready". Nothing of the package itself is imported here. Each connection
is one start: the fork takes namespaces of its own, says {"process": PID}, and waits for {"module"|"script", "words",
"folder", "environment", "drop"} with a descriptor for its output. Its parent then says {"ended": WAIT_STATUS}. An
interpreter that would not be the same after a fork (threads, sockets, devices) ends at once: starts are then made
without it.
"""

import array
import ast
import ctypes
import importlib
import json
import os
import select
import signal
import socket
import sys

DOOR = 3
READY = 4
MOST_FILES = 500
MOST_BYTES = 2_000_000
# They replace parts of the standard library before others import it.
PATCHING = {"gevent", "eventlet"}
OWN_MOUNTS_AND_NETWORK = 0x00020000 | 0x40000000
OWN_USER = 0x10000000
NOT_REGULAR = ("socket:", "anon_inode:", "/dev/nvidia", "/dev/kfd", "/dev/dri", "/dev/accel")


class Imports:
    """What the package's modules import when they are imported, in that order, found without running them."""

    def __init__(self, roots):
        self.roots = roots
        self.outside = []
        self._seen = set()

    def find(self, module):
        """The package's file of a dotted name, or None."""
        for root in self.roots:
            path = os.path.join(root, *module.split("."))
            for file in (path + ".py", os.path.join(path, "__init__.py")):
                if os.path.isfile(file):
                    return file
        return None

    def read_module(self, module):
        """Reads a module of the package, those above it first; False when it is not the package's."""
        parts = module.split(".")
        if self.find(parts[0]) is None and not any(os.path.isdir(os.path.join(r, parts[0])) for r in self.roots):
            return False
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            file = self.find(name)
            if file is not None:
                self.read_file(file, name if file.endswith("__init__.py") else name.rpartition(".")[0])
        return True

    def read_file(self, file, package=""):
        if file in self._seen or len(self._seen) >= MOST_FILES:
            return
        self._seen.add(file)
        try:
            with open(file, "rb") as stream:
                tree = ast.parse(stream.read(MOST_BYTES))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return
        self._read_body(tree.body, package)

    def _read_body(self, body, package):
        for statement in body:
            if isinstance(statement, ast.Import):
                for name in statement.names:
                    self._add(name.name, [])
            elif isinstance(statement, ast.ImportFrom):
                self._read_from(statement, package)
            elif isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
                self._read_body(statement.orelse, package)
            elif isinstance(statement, (ast.If, ast.With, ast.Try)):
                for part in (statement.body, getattr(statement, "orelse", []), getattr(statement, "finalbody", [])):
                    self._read_body(part, package)

    def _read_from(self, statement, package):
        module = statement.module or ""
        if statement.level:
            above = package.split(".")[: len(package.split(".")) - statement.level + 1] if package else []
            module = ".".join([part for part in above if part] + ([module] if module else []))
        if module:
            self._add(module, [name.name for name in statement.names if name.name != "*"])

    def _add(self, module, names):
        if self.read_module(module):
            for name in names:
                if self.find(f"{module}.{name}") is not None:
                    self.read_module(f"{module}.{name}")
        elif (module, tuple(names)) not in self.outside:
            self.outside.append((module, tuple(names)))


def imports_of(words):
    """What the command's module or script imports, and the server that it names."""
    named = [*words, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    imports = Imports([os.getcwd()] + [os.path.realpath(word) for word in named if word and os.path.isdir(word)])
    for i, word in enumerate([*words, os.environ.get("FLASK_APP", "")]):
        name = word.rpartition("=")[2].partition(":")[0]
        if os.path.isfile(name) and (i == 0 or name.endswith(".py")):
            imports.roots.insert(0, os.path.dirname(os.path.realpath(name)))
            imports.read_file(os.path.realpath(name))
        elif name.replace(".", "").isidentifier() and not imports.read_module(name) and i == 0:
            imports.outside.insert(0, (name, ()))
    return imports.outside


def import_outside(wanted):
    """False for what must come before all others. What is not there is left out; any other failure of an import ends
    this interpreter, since half of a module may be left behind."""
    if any(module.partition(".")[0] in PATCHING for module, _ in wanted):
        return False
    for module, names in wanted:
        try:
            found = importlib.import_module(module)
            for name in names:
                if not hasattr(found, name):
                    importlib.import_module(f"{module}.{name}")
        except ModuleNotFoundError:
            continue
    return True


def can_fork():
    """One thread, and nothing open that two processes could not share."""
    if len(os.listdir("/proc/self/task")) > 1:
        return False
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if int(name) > READY and target.startswith(NOT_REGULAR):
            return False
    return True


def write_file(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def leave_namespaces(libc):
    if libc.unshare(OWN_MOUNTS_AND_NETWORK) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(OWN_USER | OWN_MOUNTS_AND_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "no namespaces can be had")
    write_file("/proc/self/setgroups", "deny")
    write_file("/proc/self/uid_map", f"{user} {user} 1")
    write_file("/proc/self/gid_map", f"{group} {group} 1")


def drop_capabilities(libc, dropped):
    """Those of a mask; as after an exec by one who is not root, all."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    if libc.capget(header, data) != 0:
        raise OSError(ctypes.get_errno(), "cannot read the capabilities")
    kept = ~dropped if os.geteuid() == 0 else 0
    for capability in range(32):
        if os.geteuid() == 0 and dropped >> capability & 1:
            libc.prctl(24, capability, 0, 0, 0)
    for i in range(6):
        data[i] &= (kept if i < 3 else (-1 if os.geteuid() == 0 else 0)) & 0xFFFFFFFF
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "cannot drop capabilities")


def receive(connection):
    descriptors = array.array("i")
    text, parts, _, _ = connection.recvmsg(1 << 20, socket.CMSG_SPACE(descriptors.itemsize))
    for level, kind, data in parts:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: descriptors.itemsize])
    if not text:
        # Nobody wants this start any more.
        os._exit(0)
    return json.loads(text), descriptors[0]


def prepare_start(connection):
    """In the fork: waits for what shall be started, and puts everything in its place."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.setsid()
    leave_namespaces(libc)
    connection.send(json.dumps({"process": os.getpid()}).encode())
    start, output = receive(connection)
    connection.close()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    drop_capabilities(libc, start["drop"])
    os.chdir(start["folder"])
    os.environ.pop("OPENBLAS_NUM_THREADS", None)
    os.environ.update(start["environment"])
    importlib.invalidate_caches()
    return start


def serve():
    """Forks for each connection; returns in the forks alone, with what they shall become."""
    door = socket.socket(fileno=DOOR)
    door.setblocking(False)
    running = {}
    waited = select.poll()
    waited.register(door, select.POLLIN)
    while True:
        for descriptor, _ in waited.poll(20 if running else None):
            if descriptor != door.fileno():
                # Its other end is gone: nobody looks after this start any more.
                process = next(pid for pid, (one, _) in running.items() if one.fileno() == descriptor)
                waited.unregister(descriptor)
                running[process] = (running[process][0], False)
                os.kill(process, signal.SIGKILL)
                continue
            connection, _ = door.accept()
            process = os.fork()
            if process == 0:
                door.close()
                for other, _ in running.values():
                    other.close()
                return prepare_start(connection)
            running[process] = (connection, True)
            waited.register(connection, 0)
        for process in list(running):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                connection, watched = running.pop(process)
                if watched:
                    waited.unregister(connection)
                try:
                    connection.send(json.dumps({"ended": status}).encode())
                except OSError:
                    pass
                connection.close()


def become(start, with_first_folder):
    """As `python -m MODULE` and `python SCRIPT` begin."""
    main = sys.modules["__main__"]
    first = os.path.dirname(os.path.realpath(start["script"])) if "script" in start else os.getcwd()
    if with_first_folder:
        sys.path.insert(0, first)
    sys.orig_argv = [sys.executable, *start["words"]]
    if "module" in start:
        import runpy

        main.__dict__.pop("sys", None)
        sys.argv = ["-m", *start["words"]]
        return lambda: runpy._run_module_as_main(start["module"])
    sys.argv = [start["script"], *start["words"]]
    with open(start["script"], "rb") as file:
        code = compile(file.read(), start["script"], "exec")
    names = {"__name__": "__main__", "__file__": start["script"], "__builtins__": __builtins__, "__spec__": None,
             "__doc__": None, "__package__": None, "__loader__": None, "__cached__": None}
    main.__dict__.clear()
    main.__dict__.update(names)
    return lambda: exec(code, main.__dict__)


def prepare(words):
    # The folder that Python puts first is the server's, and nothing of it is imported here.
    with_first_folder = bool(sys.path) and sys.path[0] == ""
    if with_first_folder:
        del sys.path[0]
    if not import_outside(imports_of(words)) or not can_fork():
        sys.exit("no start can be prepared: a fork would not be the same")
    os.write(READY, b"ready")
    os.close(READY)
    return become(serve(), with_first_folder)


prepare(sys.argv[1:])()
