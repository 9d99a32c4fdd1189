"""Build a program of its own that runs tcproxy: an executable file, where `tcproxy` is a script that Python runs.

    python etc/launcher.py /usr/local/sbin/haproxy

start-stop-daemon --exec, which Debian's init script of HAProxy finds its daemon with, compares executables; that of a
script is python3. Run this with the Python of the environment that tcproxy is installed in. It needs a C compiler and
Python's headers (Debian: apt-get install gcc python3-dev), and is to be run again when that Python is replaced.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

PROGRAM = """
#include <Python.h>

int main(int argc, char **argv)
{
    PyConfig config;
    PyStatus status;

    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;   /* the arguments are tcproxy's */
    config.safe_path = 1;    /* nothing is imported from the working directory */
    status = PyConfig_SetBytesString(&config, &config.executable, PYTHON);
    if (!PyStatus_Exception(status))
        status = PyConfig_SetBytesArgv(&config, argc, argv);
    if (!PyStatus_Exception(status))
        status = PyConfig_SetBytesString(&config, &config.run_command,
            "import sys; from tcproxy.command import main; sys.exit(main())\\n");
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status))
        Py_ExitStatusException(status);
    return Py_RunMain();
}
"""


def command(source: str, target: str) -> list[str]:
    """Return the compiler's command line, as this Python was built."""
    known = sysconfig.get_config_vars()
    words = [os.environ.get("CC", "cc"), "-O2", f"-I{known['INCLUDEPY']}", f"-DPYTHON={json.dumps(sys.executable)}"]
    folders = [known["LIBDIR"], known.get("LIBPL") or known["LIBDIR"]]
    words += [source, "-o", target, *(f"-L{folder}" for folder in folders), f"-Wl,-rpath,{known['LIBDIR']}"]
    words += [f"-lpython{known['LDVERSION']}", *known["LIBS"].split(), *known["SYSLIBS"].split()]
    return [*words, *(known.get("LINKFORSHARED") or "").split()]


def main() -> int:
    """Build the program that the command line names; return the exit code."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    target = Path(sys.argv[1])
    fresh = target.with_name(f"{target.name}.new")  # a program that runs cannot be written to, but replaced
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "launcher.c")
        source.write_text(PROGRAM, encoding="utf-8")
        try:
            built = subprocess.run(command(str(source), str(fresh)), check=False).returncode == 0
        except FileNotFoundError:
            built = False
    if not built:
        print("It could not be built. Debian: apt-get install gcc python3-dev", file=sys.stderr)
        return 1
    fresh.replace(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
