"""Clients whose numbers differ: each means, and gets, the message that it knows under its number."""
from scenario import MATRIX, scenario


def two_views(s, count=6):
    """Two clients on INBOX; the second has not been told that the first removed m2."""
    s.fill(count)
    first = s.client(name="first", select="INBOX", learn=True)
    second = s.client(name="second", select="INBOX", learn=True)
    first.ok("STORE 2 +FLAGS (\\Deleted)")
    first.ok("EXPUNGE")
    assert len(first.messages) == count - 1 and len(second.messages) == count
    return first, second


@scenario(variants=MATRIX)
def fetch_by_number_before_an_expunge_is_told(s):
    first, second = two_views(s)
    for number in (3, 4, 5, 6):
        assert second.fetch_identity(number) == "m%d" % number
        assert first.fetch_identity(number - 1) == "m%d" % number
    assert len(second.messages) == 6, "told of the expunge during FETCH"
    result = second.ok("FETCH 1:6 (UID FLAGS BODY.PEEK[])")
    assert [response.number for response in result.of("FETCH")] == [1, 3, 4, 5, 6], result
    assert result.code_name == "EXPUNGEISSUED", result
    second.noop()
    assert second.identities() == ["m1", "m3", "m4", "m5", "m6"]


@scenario(variants=MATRIX)
def fetch_of_a_dead_message_brings_nothing_invented(s):
    first, second = two_views(s)
    result = second.ok("FETCH 2 (RFC822.SIZE ENVELOPE BODY.PEEK[])")
    assert result.of("FETCH") == [] and result.code_name == "EXPUNGEISSUED", result
    uid = second.messages[1].uid
    result = second.ok("UID FETCH %d (BODY.PEEK[])" % uid)
    assert result.of("FETCH") == [] , result


@scenario(variants=MATRIX)
def store_by_number_before_an_expunge_is_told(s):
    first, second = two_views(s)
    second.ok("STORE 3 +FLAGS (\\Flagged)")
    assert "\\Flagged" in second.flags_of("m3")
    assert s.stored()["m3"] == {"\\Flagged"} and s.stored()["m4"] == set()
    second.ok("STORE 5:6 +FLAGS.SILENT (\\Answered)")
    assert [name for name, flags in s.stored().items() if "\\Answered" in flags] == ["m5", "m6"]
    first.noop()
    assert first.flags_of("m3") >= {"\\Flagged"} and first.flags_of("m6") >= {"\\Answered"}
    # The living of a set are done, the dead are left out.
    second.ok("STORE 1:3 -FLAGS (\\Flagged)")
    assert s.stored()["m3"] == set()


@scenario(variants=MATRIX)
def search_by_number_before_an_expunge_is_told(s):
    first, second = two_views(s)
    assert second.ok("SEARCH ALL").numbers() == [1, 3, 4, 5, 6]
    assert second.ok("SEARCH 3:4").numbers() == [3, 4]
    assert second.ok('SEARCH SUBJECT "about m5"').numbers() == [5]
    assert second.ok("SEARCH NOT 1:4").numbers() == [5, 6]
    assert second.ok('SEARCH OR 2 (SUBJECT "m6" 1:*)').numbers() == [6]
    assert len(second.messages) == 6, "told of the expunge during SEARCH"
    assert first.ok('SEARCH SUBJECT "about m5"').numbers() == [4]
    assert first.ok("SEARCH NOT 1:4").numbers() == [5]


@scenario(variants=MATRIX)
def copy_by_number_before_an_expunge_is_told(s):
    first, second = two_views(s)
    second.ok("CREATE Archive")
    # CREATE told of the expunge; make the numbers differ anew.
    assert second.identities() == ["m1", "m3", "m4", "m5", "m6"]
    first.ok("STORE 1 +FLAGS (\\Deleted)")
    first.ok("EXPUNGE")
    second.ok("COPY 2,4 Archive")
    assert list(s.stored("Archive")) == ["m3", "m5"]


@scenario(variants=MATRIX)
def copy_of_a_dead_message_copies_nothing(s):
    s.fill(4)
    first = s.client(name="first", select="INBOX", learn=True)
    first.ok("CREATE Archive")
    second = s.client(name="second", select="INBOX", learn=True)
    first.ok("STORE 2 +FLAGS (\\Deleted)")
    first.ok("EXPUNGE")
    result = second.expect("NO", "COPY 2:3 Archive")
    assert result.code_name == "EXPUNGEISSUED", result
    assert list(s.stored("Archive")) == []
    assert second.identities() == ["m1", "m3", "m4"], "the pending expunge was not told"
    second.ok("COPY 2:3 Archive")
    assert list(s.stored("Archive")) == ["m3", "m4"]


@scenario(variants=("full", "no-condstore", "no-idle"))
def move_by_number_before_an_expunge_is_told(s):
    s.fill(5)
    first = s.client(name="first", select="INBOX", learn=True)
    first.ok("CREATE Archive")
    second = s.client(name="second", select="INBOX", learn=True)
    first.ok("STORE 1 +FLAGS (\\Deleted)")
    first.ok("EXPUNGE")
    second.ok("MOVE 4 Archive")
    assert list(s.stored("Archive")) == ["m4"]
    assert list(s.stored()) == ["m2", "m3", "m5"]
    assert second.identities() == ["m2", "m3", "m5"]
    first.noop()
    assert first.identities() == ["m2", "m3", "m5"]


@scenario(variants=MATRIX)
def pipelined_numbers_hold_back_expunges(s):
    first, second = two_views(s)
    results = second.pipeline("NOOP", "STORE 5 +FLAGS (\\Flagged)", "NOOP", "FETCH 6 (BODY.PEEK[])", "NOOP")
    assert all(result.ok for result in results), results
    assert [name for name, flags in s.stored().items() if flags] == ["m5"]
    assert second.identities() == ["m1", "m3", "m4", "m5", "m6"], "the last NOOP tells"


@scenario(variants=MATRIX)
def own_expunge_is_told_among_others(s):
    first, second = two_views(s)
    second.ok("STORE 4,6 +FLAGS (\\Deleted)")
    second.ok("EXPUNGE")
    assert second.identities() == ["m1", "m3", "m5"]
    first.noop()
    assert first.identities() == ["m1", "m3", "m5"]
    assert list(s.stored()) == ["m1", "m3", "m5"]


@scenario(variants=("full", "no-condstore", "no-idle"))
def uid_expunge_removes_only_its_set(s):
    s.fill(4)
    first = s.client(name="first", select="INBOX", learn=True)
    second = s.client(name="second", select="INBOX", learn=True)
    first.ok("STORE 1:3 +FLAGS (\\Deleted)")
    first.ok("UID EXPUNGE %d:*" % first.messages[2].uid)
    assert first.identities() == ["m1", "m2", "m4"]
    second.noop()
    assert second.identities() == ["m1", "m2", "m4"]


@scenario(variants=MATRIX)
def arrivals_and_expunges_cross(s):
    first, second = two_views(s)
    s.deliver("m7", "m8")
    first.until(lambda: len(first.messages) == 7)
    first.learn()
    first.ok("STORE %d +FLAGS (\\Deleted)" % first.number_of("m7"))
    first.ok("EXPUNGE")
    # The second was told of neither; whatever it is told now, its numbers have to stay right.
    second.noop()
    second.learn()
    assert second.identities() == ["m1", "m3", "m4", "m5", "m6", "m8"]
    assert first.identities() == ["m1", "m3", "m4", "m5", "m6", "m8"]


@scenario(variants=MATRIX)
def a_number_that_there_is_not_is_bad(s):
    s.fill(3)
    client = s.client(select="INBOX", learn=True)
    for command in ("FETCH 4 FLAGS", "FETCH 0 FLAGS", "STORE 2:9 +FLAGS (\\Seen)", "COPY 4 Trash"):
        client.expect("BAD", command)
    assert client.ok("SEARCH 2:9").numbers() == [2, 3]
    empty = s.client()
    empty.ok("CREATE Empty")
    empty.select("Empty")
    empty.expect("BAD", "FETCH 1 FLAGS")
    empty.expect("BAD", "FETCH * FLAGS")
    assert empty.ok("SEARCH ALL").numbers() == []
    empty.ok("UID FETCH 1:* FLAGS")


@scenario(variants=MATRIX)
def star_is_the_last_message_of_the_view(s):
    s.fill(4)
    first = s.client(name="first", select="INBOX", learn=True)
    second = s.client(name="second", select="INBOX", learn=True)
    first.ok("STORE * +FLAGS (\\Deleted)")
    first.ok("EXPUNGE")
    assert second.ok("FETCH * (UID)").code_name == "EXPUNGEISSUED"
    second.noop()
    result = second.ok("FETCH * (BODY.PEEK[])")
    assert [response.number for response in result.of("FETCH")] == [3]
    assert second.messages[-1].identity == "m3"


@scenario(variants=MATRIX)
def others_flags_are_told_once(s):
    s.fill(3)
    first = s.client(name="first", select="INBOX", learn=True)
    second = s.client(name="second", select="INBOX", learn=True)
    first.ok("STORE 2 +FLAGS (\\Flagged $Label1)")
    told = second.noop().of("FETCH")
    assert [response.number for response in told] == [2], told
    assert second.flags_of("m2") >= {"\\Flagged", "$Label1"}
    assert second.noop().of("FETCH") == []
    # The one that made the change heard it as its own answer.
    assert first.noop().of("FETCH") == []
    first.ok("STORE 2 FLAGS (\\Seen)")
    second.noop()
    assert second.flags_of("m2") - {"\\Recent"} == {"\\Seen"}


@scenario(variants=MATRIX)
def a_silent_store_hides_no_change_of_another(s):
    s.fill(2)
    first = s.client(name="first", select="INBOX", learn=True)
    second = s.client(name="second", select="INBOX", learn=True)
    first.ok("STORE 1 +FLAGS (\\Flagged)")
    second.ok("STORE 1 +FLAGS.SILENT (\\Answered)")
    second.noop()
    assert second.flags_of("m1") >= {"\\Flagged"}
    first.noop()
    assert first.flags_of("m1") >= {"\\Flagged", "\\Answered"}
