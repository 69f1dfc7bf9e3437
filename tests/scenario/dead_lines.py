"""Lines that die without a word."""
import time

from scenario import scenario


@scenario(settings={"idle_probe": "1s", "response_timeout": "1s"})
def a_line_that_dies_in_idle_is_found_out(s):
    s.fill(2)
    phone = s.client(name="phone", select="INBOX", learn=True)
    phone.idle()
    deadline = time.monotonic() + 10
    while "ENTERING_IDLE -> IDLING" not in s.log_text():
        assert time.monotonic() < deadline, "the upstream was not put into IDLE"
        time.sleep(0.02)
    s.relay.stall("<")  # no octet comes any more, and nobody says so
    s.relay.wait_for(">", r"^DONE", timeout=5)
    deadline = time.monotonic() + 10
    while s.relay.connections < 2:
        assert time.monotonic() < deadline, "the dead line was not found out"
        time.sleep(0.05)
    s.relay.stall()
    s.deliver("m3")
    phone.idle_until(lambda: len(phone.messages) == 3)
    phone.done()
    assert phone.fetch_identity(3) == "m3"


@scenario(settings={"idle_probe": "500ms", "response_timeout": "5s"})
def a_silent_line_that_lives_is_kept(s):
    s.fill(1)
    phone = s.client(name="phone", select="INBOX")
    phone.idle()
    mark = s.relay.mark()
    for _ in range(3):
        mark = s.relay.mark()
        s.relay.wait_for(">", r"^DONE", since=mark, timeout=5)
        s.relay.wait_for(">", r" IDLE$", since=mark, timeout=5)
    phone.done()
    assert s.relay.connections == 1
