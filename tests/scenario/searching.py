"""Searches of several clients at once: RETURN, what is answered to each in its own numbers, and nothing of what has gone."""
from imap_client import identity_of, make_message, numbers_of
from mail_server import free_port
from scenario import MATRIX, scenario
from scripted_upstream import odd

HEADER = b"BODY[HEADER.FIELDS (X-ID)]"


def extended(result):
    """{item: its value as written} of the one ESEARCH line, with UID: True or False."""
    (response,) = result.of("ESEARCH")
    data = list(response.data)
    tag = data.pop(0)
    assert [bytes(tag[0]), bytes(tag[1])] == [b"TAG", response_tag(result)], response
    found = {"UID": bool(data) and bytes(data[0]) == b"UID"}
    data = data[1:] if found["UID"] else data
    found.update((bytes(name).decode(), value) for name, value in zip(data[::2], data[1::2]))
    return found


def response_tag(result):
    return result.tagged.tag


def all_of(result):
    found = extended(result)
    return numbers_of(found["ALL"]) if "ALL" in found else []


@scenario(variants=MATRIX)
def each_client_is_answered_in_its_own_numbers(s):
    s.fill(6)
    phone, desk = s.client(name="phone", select="INBOX", learn=True), s.client(name="desk", select="INBOX", learn=True)
    assert {"ESEARCH"} <= phone.capabilities()
    phone.ok("STORE 2,5 +FLAGS.SILENT (\\Flagged)")
    phone.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    phone.ok("EXPUNGE")
    # The desk still counts the first: it may not be told of it during SEARCH.
    assert all_of(desk.ok("SEARCH RETURN (ALL) FLAGGED")) == [2, 5]
    assert all_of(phone.ok("SEARCH RETURN () FLAGGED")) == [1, 4]
    found = extended(desk.ok("SEARCH RETURN (MIN MAX COUNT) ALL"))
    assert found == {"UID": False, "MIN": b"2", "MAX": b"6", "COUNT": b"5"}, found
    found = extended(phone.ok("SEARCH RETURN (COUNT MAX) UNFLAGGED"))
    assert found == {"UID": False, "MAX": b"5", "COUNT": b"3"}, found
    both = [extended(client.ok("UID SEARCH RETURN (ALL COUNT) FLAGGED")) for client in (phone, desk)]
    assert both[0] == both[1] and both[0]["UID"] and both[0]["COUNT"] == b"2", both
    found = extended(desk.ok("SEARCH RETURN (MIN MAX ALL COUNT) KEYWORD none"))
    assert found == {"UID": False, "COUNT": b"0"}, found
    assert desk.command("SEARCH RETURN (NOSUCH) ALL").status == "BAD"
    assert desk.command("SEARCH RETURN MIN ALL").status == "BAD"
    desk.noop()
    assert all_of(desk.ok("SEARCH RETURN () FLAGGED")) == [1, 4]


@scenario(start=False)
def where_it_is_hidden_return_is_no_key(s):
    s.fill(2)
    s.mux_port = free_port()
    s.start_imapmux(["-c", s.write_settings(upstream=["hide = ESEARCH"])])
    client = s.client(select="INBOX", learn=True)
    assert "ESEARCH" not in client.capabilities()
    assert client.command("SEARCH RETURN (MIN) ALL").status == "BAD"
    assert client.ok("SEARCH ALL").numbers() == [1, 2]


# --- SAVE and $

@scenario(variants=MATRIX)
def what_was_saved_is_the_same_messages_for_every_command(s):
    s.fill(8)
    phone, desk = s.client(name="phone", select="INBOX", learn=True), s.client(name="desk", select="INBOX", learn=True)
    assert "SEARCHRES" in phone.capabilities()
    phone.ok("CREATE Work")
    phone.ok("STORE 2,4,6:7 +FLAGS.SILENT (\\Flagged)")
    saved = phone.ok("SEARCH RETURN (SAVE) FLAGGED")
    assert not saved.of("ESEARCH") and not saved.of("SEARCH")
    # Each client has its own, and nobody else's.
    desk.ok("SEARCH RETURN (SAVE) 1,3")
    assert named(phone, "FETCH $") == ["m2", "m4", "m6", "m7"]
    assert named(desk, "FETCH $") == ["m1", "m3"]
    # Of what has gone nothing is left, told or not, and the numbers move with the rest.
    desk.ok("STORE 1,4 +FLAGS.SILENT (\\Deleted)")
    desk.ok("EXPUNGE")
    assert named(phone, "FETCH $") == ["m2", "m6", "m7"]
    assert named(phone, "UID FETCH $") == ["m2", "m6", "m7"]
    phone.noop()
    assert named(phone, "FETCH $") == ["m2", "m6", "m7"]
    assert named(desk, "FETCH $") == ["m3"]
    assert phone.ok("SEARCH $").numbers() == [1, 4, 5]
    assert phone.ok("SEARCH NOT $ 1:5").numbers() == [2, 3]
    assert all_of(phone.ok("SEARCH RETURN () OR $ 2")) == [1, 2, 4, 5]
    phone.ok("STORE $ +FLAGS (\\Answered)")
    phone.ok("COPY $ Work")
    phone.ok("UID STORE $ -FLAGS.SILENT (\\Flagged)")
    assert {name for name, flags in s.stored("Work").items()} == {"m2", "m6", "m7"}
    flags = s.stored()
    assert {name for name in flags if "\\Answered" in flags[name]} == {"m2", "m6", "m7"}
    # None is not an error, and not all.
    phone.ok("SEARCH RETURN (SAVE COUNT) KEYWORD none")
    for command in ("FETCH $ FLAGS", "UID FETCH $ FLAGS", "STORE $ +FLAGS (\\Deleted)", "COPY $ Work", "UID COPY $ Work"):
        result = phone.ok(command)
        assert not result.of("FETCH"), result
    assert phone.ok("SEARCH $").numbers() == [] and len(s.stored("Work")) == 3


def named(client, command):
    """The identities that a FETCH of this set answers, in its order."""
    answers = [response.fetch_items() for response in client.ok(command + " (BODY.PEEK[HEADER.FIELDS (X-Id)])").of("FETCH")]
    return [identity_of(items[HEADER]) for items in answers if HEADER in items]


@scenario(variants=MATRIX)
def minimum_and_maximum_alone_save_only_themselves(s):
    s.fill(5)
    client = s.client(select="INBOX", learn=True)
    for options, expected in (("SAVE MIN", ["m2"]), ("MAX SAVE", ["m5"]), ("MIN MAX SAVE", ["m2", "m5"]), ("SAVE", ["m2", "m3", "m4", "m5"]),
                              ("SAVE MIN COUNT", ["m2", "m3", "m4", "m5"]), ("SAVE MIN MAX ALL", ["m2", "m3", "m4", "m5"])):
        client.ok("SEARCH RETURN (%s) 2:*" % options)
        assert named(client, "FETCH $") == expected, options
    # SELECT forgets, a failed one with SAVE does, others do not.
    client.ok("SEARCH RETURN (SAVE) 2:3")
    client.ok("SEARCH 4")
    assert client.command("SEARCH RETURN (SAVE) NOSUCH 1").status == "BAD"
    assert client.command("SEARCH CHARSET NOSUCH TEXT x").status == "NO"
    assert named(client, "FETCH $") == ["m2", "m3"]
    assert client.command("SEARCH RETURN (SAVE) CHARSET NOSUCH TEXT x").status == "NO"
    assert named(client, "FETCH $") == []
    client.ok("SEARCH RETURN (SAVE) ALL")
    client.select("INBOX")
    client.learn()
    assert named(client, "FETCH $") == []


@scenario(variants=MATRIX)
def pipelined_commands_find_what_the_search_before_them_has_saved(s):
    s.fill(6)
    phone, desk = s.client(name="phone", select="INBOX", learn=True), s.client(name="desk", select="INBOX", learn=True)
    phone.ok("CREATE Work")
    desk.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    desk.ok("EXPUNGE")
    results = phone.pipeline("SEARCH RETURN (SAVE) 1,3,5", "COPY $ Work", "STORE $ +FLAGS.SILENT (\\Deleted)", "EXPUNGE",
                             "SEARCH RETURN (SAVE) 1:2", "STORE $ +FLAGS (\\Flagged)")
    assert [result.status for result in results] == ["OK"] * len(results), results
    assert sorted(s.stored("Work")) == ["m3", "m5"]
    stored = s.stored()
    assert sorted(stored) == ["m2", "m4", "m6"] and "\\Flagged" in stored["m2"], stored


# --- SORT and THREAD

def sorted_numbers(result):
    return [int(word) for word in result.of("SORT")[0].data]


def threads_of(result):
    """The lists of THREAD as written, numbers as int."""
    def read(value):
        return [read(each) for each in value] if isinstance(value, list) else int(value)
    return read(list(result.of("THREAD")[0].data))


def reply(identity, references=""):
    return make_message(identity, extra="References: %s\r\n" % " ".join("<%s@example.org>" % name for name in references.split()) if references else "")


@scenario(variants=("full",))
def sorted_for_clients_that_count_differently(s):
    s.fill(5)
    phone, desk = s.client(name="phone", select="INBOX", learn=True), s.client(name="desk", select="INBOX", learn=True)
    assert {"SORT", "SORT=DISPLAY", "ESORT"} <= phone.capabilities()
    assert sorted_numbers(phone.ok("SORT (REVERSE SUBJECT) UTF-8 ALL")) == [5, 4, 3, 2, 1]
    desk.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
    desk.ok("EXPUNGE")
    # The phone counts the dead one still: its numbers stay, and it is not told of the dead one.
    assert sorted_numbers(phone.ok("SORT (REVERSE SUBJECT) UTF-8 ALL")) == [5, 4, 3, 1]
    assert sorted_numbers(desk.ok("SORT (REVERSE SUBJECT) UTF-8 ALL")) == [4, 3, 2, 1]
    assert sorted_numbers(phone.ok("SORT (REVERSE SUBJECT) UTF-8 2:4")) == [4, 3]
    found = extended(phone.ok("SORT RETURN (MIN MAX ALL COUNT SAVE) (REVERSE SUBJECT) UTF-8 2:5"))
    assert found == {"UID": False, "MIN": b"5", "MAX": b"3", "ALL": b"5,4,3", "COUNT": b"3"}, found
    assert named(phone, "FETCH $") == ["m3", "m4", "m5"]
    both = [sorted_numbers(client.ok("UID SORT (REVERSE SUBJECT) UTF-8 ALL")) for client in (phone, desk)]
    assert both[0] == both[1] == [5, 4, 3, 1], both
    assert sorted_numbers(phone.ok("SORT (DATE) UTF-8 KEYWORD none")) == []
    phone.noop()
    assert sorted_numbers(phone.ok("SORT (REVERSE SUBJECT) UTF-8 ALL")) == [4, 3, 2, 1]


@scenario(variants=("full",))
def threads_without_what_has_gone(s):
    s.server.deliver_all("u1", [reply("a"), reply("b", "a"), reply("c", "a"), reply("d", "a b"), reply("e", "a b"), reply("f")], None)
    phone, desk = s.client(name="phone", select="INBOX", learn=True), s.client(name="desk", select="INBOX", learn=True)
    number = {message.identity: index + 1 for index, message in enumerate(phone.messages)}
    a, b, c, d, e, f = (number[name] for name in "abcdef")
    command = "THREAD REFERENCES UTF-8 ALL"
    whole = [[a, [b, [d], [e]], [c]], [f]]
    assert threads_of(phone.ok(command)) == whole, phone.ok(command)
    desk.ok("STORE %d +FLAGS.SILENT (\\Deleted)" % b)
    desk.ok("EXPUNGE")
    # Without the dead one the two below it stand in its place, and all keep the phone's numbers.
    without = threads_of(phone.ok(command))
    assert sorted(flat(without)) == sorted({a, c, d, e, f}) and without[-1] == [f], without
    moved = [value - (value > b) for value in flat(without)]
    assert sorted(flat(threads_of(desk.ok(command)))) == sorted(moved)
    assert sorted(flat(threads_of(phone.ok("UID " + command)))) == sorted(flat(threads_of(desk.ok("UID " + command))))
    assert threads_of(phone.ok("THREAD REFERENCES UTF-8 %d" % (f - 1))) == [[f - 1]]  # told by now
    assert phone.ok("THREAD REFERENCES UTF-8 KEYWORD none").of("THREAD")[0].data == []
    assert phone.command("THREAD NOSUCH UTF-8 ALL").status == "BAD"


def flat(lists):
    return [number for value in lists for number in (flat(value) if isinstance(value, list) else [value])]


@scenario(upstream=odd())
def where_the_server_cannot_sort_nobody_is_offered_it(s):
    client = s.client(select="INBOX", learn=True)
    assert not {"SORT", "ESORT", "SORT=DISPLAY"} & client.capabilities() and not any(name.startswith("THREAD=") for name in client.capabilities())
    assert client.command("SORT (DATE) UTF-8 ALL").status == "BAD"
    assert client.command("UID THREAD REFERENCES UTF-8 ALL").status == "BAD"


@scenario(variants=MATRIX)
def parts_of_what_was_found(s):
    s.fill(7)
    phone, desk = s.client(name="phone", select="INBOX", learn=True), s.client(name="desk", select="INBOX", learn=True)
    assert "PARTIAL" in phone.capabilities()
    desk.ok("STORE 6 +FLAGS.SILENT (\\Deleted)")
    desk.ok("EXPUNGE")
    for options, place, expected in (("PARTIAL 1:3", b"1:3", b"1:3"), ("PARTIAL -1:-2", b"-1:-2", b"5,7"), ("PARTIAL 6:100", b"6:100", b"7"),
                                     ("PARTIAL 7:9", b"7:9", None), ("partial 3:2 count", b"3:2", b"2:3")):
        found = extended(phone.ok("SEARCH RETURN (%s) ALL" % options))
        assert [bytes(found["PARTIAL"][0]), found["PARTIAL"][1]] == [place, expected], found
    phone.ok("SEARCH RETURN (PARTIAL -1:-2 SAVE) ALL")
    assert named(phone, "FETCH $") == ["m5", "m7"]
    part = desk.ok("UID FETCH 2:* (UID) (PARTIAL -1:-3)").of("FETCH")
    assert [int(response.fetch_items()[b"UID"]) for response in part] == [4, 5, 7], part
    for bad in ("SEARCH RETURN (PARTIAL 1:2 ALL) ALL", "SEARCH RETURN (PARTIAL 0:2) ALL", "SEARCH RETURN (PARTIAL) ALL",
                "FETCH 1:* UID (PARTIAL 1:2)", "UID FETCH 1:* UID (PARTIAL)"):
        assert desk.command(bad).status == "BAD", bad
