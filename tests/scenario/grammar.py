"""The strict reader of answers itself: the same list of good and bad lines that the reader in C is tested with."""
import os
import re

from binary import ROOT
from grammar import Ungrammatical, check
from scenario import scenario
from scripted_upstream import odd
from wire import Framer


def octets(text):
    text = re.sub(rb"~(?!\{)", b"\r\n", text)
    text = re.sub(rb"\$(?=b|$)", b"\n", text)
    text = re.sub(rb"\\x(..)", lambda found: bytes([int(found.group(1), 16)]), text)
    return text if text.endswith(b"\n") else text + b"\r\n"


def fault_of(text):
    """What is wrong with it; None: nothing."""
    framer = Framer(from_server=True)
    lines = framer.feed(octets(text))
    try:
        for line in lines:
            check(line)
    except Ungrammatical as fault:
        return fault
    return None if lines and not framer.buffer and not framer.text else "it does not end"


@scenario(upstream=odd(), relay=False, start=False)
def readers(s):
    wrong = []
    with open(os.path.join(ROOT, "tests", "abnf", "lines"), "rb") as file:
        lines = [line.rstrip(b"\n") for line in file if not line.startswith(b"#")]
    for line in lines:
        fault = fault_of(line[2:])
        if (fault is None) != (line[:1] == b"+"):
            wrong.append("%r: %s" % (line, fault or "not refused"))
    assert not wrong and len(lines) > 100, "\n".join(wrong)
