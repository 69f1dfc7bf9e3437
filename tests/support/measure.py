"""What a running imapmux costs."""


def memory(s):
    """Resident octets of imapmux; 0 under a sanitizer, whose shadow memory says nothing."""
    with open("/proc/%d/status" % s.process.pid) as status:
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in status if line.startswith(("VmRSS:", "VmSize:"))}
    return 0 if kilobytes["VmSize"] > 1 << 30 else kilobytes["VmRSS"] * 1024
