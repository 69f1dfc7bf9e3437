"""Searches of several clients at once: RETURN, what is answered to each in its own numbers, and nothing of what has gone."""
from imap_client import identity_of, numbers_of
from mail_server import free_port
from scenario import MATRIX, scenario

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
