"""Which program is imapmux: IMAPMUX_BINARY, or what a preset built."""
import os
import shlex
import shutil

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def binary(build):
    """The words of the command. A path in IMAPMUX_BINARY may be relative to the folder where the tests were begun."""
    given = shlex.split(os.environ.get("IMAPMUX_BINARY", ""))
    if not given:
        return [os.path.join(ROOT, {"release": "build/imapmux"}.get(build, "build/%s/imapmux" % build))]
    program = shutil.which(given[0])
    if program is None:
        raise SystemExit("IMAPMUX_BINARY: there is no program %s" % given[0])
    return [os.path.abspath(program), *given[1:]]
