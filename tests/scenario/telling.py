"""What a client is told, when, how often, and in which words."""
import time

from imap_client import make_message
from scenario import MATRIX, scenario


def pair(s, count=3):
    s.fill(count)
    return s.client(name="first", select="INBOX", learn=True), s.client(name="second", select="INBOX", learn=True)


def deliver_and_learn(s, client, identity):
    """After this imapmux knows of the message, and of the clients only this one was told."""
    s.deliver(identity)
    count = len(client.messages)
    client.until(lambda: len(client.messages) > count)


@scenario(variants=MATRIX)
def uid_star_with_an_untold_arrival(s):
    first, second = pair(s)
    deliver_and_learn(s, first, "m4")
    result = second.ok("UID FETCH 4:* (FLAGS)")
    assert [response.number for response in result.of("EXISTS")] == [4], result
    assert [response.number for response in result.of("FETCH")] == [4], result
    assert result.untagged.index(result.of("EXISTS")[0]) < result.untagged.index(result.of("FETCH")[0])


@scenario(variants=MATRIX)
def a_number_not_told_yet_is_bad(s):
    first, second = pair(s)
    deliver_and_learn(s, first, "m4")
    second.expect("BAD", "FETCH 4 (FLAGS)")


@scenario(variants=MATRIX)
def arrivals_are_told_with_every_command(s):
    first, second = pair(s)
    for number, command in enumerate(("FETCH 1 (FLAGS)", "STORE 1 +FLAGS (\\Flagged)", "SEARCH ALL", "UID SEARCH ALL",
                                      "STATUS Trash (MESSAGES)", "CHECK", 'LIST "" INBOX', "UID FETCH 1 (FLAGS)")):
        deliver_and_learn(s, first, "n%d" % number)
        result = second.command(command)
        assert [response.number for response in result.of("EXISTS")] == [4 + number], (command, result)


@scenario(variants=MATRIX)
def others_flags_come_without_uid_in_uid_commands(s):
    """Programs die of a FETCH with UID about another's change inside their own UID STORE."""
    first, second = pair(s)
    first.ok("STORE 1 +FLAGS (\\Flagged)")
    result = second.ok("UID STORE 2 +FLAGS (\\Answered)")
    lines = {response.number: response.fetch_items() for response in result.of("FETCH")}
    assert b"UID" in lines[2], result
    assert 1 not in lines or b"UID" not in lines[1], result
    second.noop()
    assert "\\Flagged" in second.flags_of("m1")


@scenario(variants=MATRIX)
def first_flags_are_no_change(s):
    s.fill(3)
    client = s.client(select="INBOX")
    assert client.noop().of("FETCH") == [], "flags told that nobody changed"
    client.learn()
    assert client.noop().of("FETCH") == []
    client.ok("SELECT INBOX")
    assert client.noop().of("FETCH") == []


@scenario(variants=MATRIX)
def recent_is_told_again_after_an_expunge(s):
    s.fill(3)
    client = s.client(select="INBOX", learn=True)
    assert client.recent == 3
    client.ok("STORE 2 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")
    client.noop()
    assert client.recent == 2


@scenario(variants=MATRIX)
def recent_taken_survives_its_view(s):
    s.fill(2)
    stays = s.client(name="stays", examine="INBOX")
    first = s.client(name="first", select="INBOX", learn=True)
    assert first.recent == 2
    first.logout()
    second = s.client(name="second", select="INBOX", learn=True)
    assert second.recent == 0 and not any("\\Recent" in message.flags for message in second.messages)
    stays.noop()


@scenario(variants=MATRIX)
def new_mail_is_recent_for_one(s):
    clients = [s.client(select="INBOX") for _ in range(3)]
    for client in clients:
        client.idle()
    s.deliver("m1")
    for client in clients:
        client.idle_until(lambda: len(client.messages) == 1)
        client.done()
        client.learn()
    assert sum(client.recent for client in clients) == 1, [client.recent for client in clients]
    assert sum("\\Recent" in client.messages[0].flags for client in clients) == 1


@scenario(variants=MATRIX)
def unseen_in_select_is_the_first_unseen(s):
    first, _ = pair(s, 5)
    first.ok("STORE 1,2,4 +FLAGS (\\Seen)")
    third = s.client(name="third", select="INBOX")
    assert third.code_values.get("UNSEEN", "3") == "3", third.code_values
    first.ok("STORE 1:* +FLAGS (\\Seen)")
    fourth = s.client(name="fourth", select="INBOX")
    assert "UNSEEN" not in fourth.code_values, fourth.code_values
    first.ok("STORE 2 +FLAGS (\\Deleted)")
    first.ok("EXPUNGE")
    first.ok("STORE 3 -FLAGS (\\Seen)")
    fifth = s.client(name="fifth", select="INBOX")
    assert fifth.code_values.get("UNSEEN", "3") == "3", fifth.code_values


@scenario(variants=MATRIX)
def flag_changes_in_idle_come_in_their_last_state(s):
    first, second = pair(s)
    second.idle()
    for _ in range(5):
        first.ok("STORE 2 +FLAGS (\\Flagged)")
        first.ok("STORE 2 -FLAGS (\\Flagged)")
    first.ok("STORE 2 +FLAGS (\\Answered)")
    second.idle_until(lambda: "\\Answered" in second.flags_of("m2"))
    time.sleep(0.7)
    result = second.done()
    about = [response for response in result.of("FETCH") if response.number == 2]
    assert len(about) <= 4, "eleven changes at once woke the client %d times" % len(about)
    assert second.flags_of("m2") - {"\\Recent"} == {"\\Answered"}


@scenario(variants=MATRIX)
def a_new_keyword_is_named_before_it_is_shown(s):
    first, second = pair(s)
    second.idle()
    first.ok("STORE 1 +FLAGS (BrandNew)")
    second.idle_until(lambda: "BrandNew" in second.flags_of("m1"))
    result = second.done()
    named = [at for at, response in enumerate(result.untagged) if response.name == b"FLAGS" and b"BrandNew" in response.text]
    shown = [at for at, response in enumerate(result.untagged) if response.name == b"FETCH" and b"BrandNew" in response.text]
    assert named and named[0] < shown[0], result


@scenario(variants=MATRIX)
def reading_a_body_sets_seen_for_all(s):
    first, second = pair(s)
    result = first.ok("FETCH 2 (BODY[TEXT])")
    assert "\\Seen" in first.flags_of("m2"), "the change of flags belongs to the answer: %r" % result
    second.noop()
    assert "\\Seen" in second.flags_of("m2")
    assert s.stored()["m2"] == {"\\Seen"} and s.stored()["m1"] == set()
    first.ok("FETCH 3 (BODY.PEEK[TEXT] RFC822.HEADER)")
    assert s.stored()["m3"] == set()


@scenario(variants=MATRIX)
def expunges_are_told_behind_the_data_of_uid_commands(s):
    first, second = pair(s, 6)
    first.ok("STORE 1:2 +FLAGS (\\Deleted)")
    first.ok("EXPUNGE")
    result = second.ok("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (X-Id)])")
    names = [response.name for response in result.untagged if response.name in (b"FETCH", b"EXPUNGE")]
    assert b"EXPUNGE" not in names[:names.index(b"FETCH") + 1] and names == sorted(names, reverse=True), names
    second.noop()
    assert second.identities() == ["m3", "m4", "m5", "m6"]


@scenario(variants=("full", "no-condstore", "no-idle"))
def move_names_the_copies_before_the_expunges(s):
    first, _ = pair(s)
    first.ok("CREATE Work")
    result = first.ok("MOVE 1:2 Work")
    kinds = [response.code[0] if response.code else response.name.decode() for response in result.untagged]
    assert "COPYUID" in kinds and kinds.index("COPYUID") < kinds.index("EXPUNGE"), result
    assert first.identities() == ["m3"]


@scenario(variants=MATRIX)
def numbers_are_judged_at_their_turn(s):
    """Pipelined: the client knew what its EXPUNGE would do to the numbers."""
    first, second = pair(s, 5)
    first.ok("CREATE Work")
    first.ok("STORE 1 +FLAGS (\\Deleted)")
    results = first.pipeline("EXPUNGE", "COPY 1 Work", "FETCH 4 (BODY.PEEK[])", "FETCH 5 (FLAGS)")
    assert [result.status for result in results] == ["OK", "OK", "OK", "BAD"], results
    assert list(s.stored("Work")) == ["m2"] and first.identities() == ["m2", "m3", "m4", "m5"]
    second.noop()
    assert second.identities() == first.identities()


@scenario(variants=MATRIX)
def two_deletions_by_two_clients_cross(s):
    first, second = pair(s, 6)
    first.ok("STORE 1 +FLAGS (\\Deleted)")
    second.ok("STORE 6 +FLAGS.SILENT (\\Deleted)")
    first.ok("EXPUNGE")
    second.ok("EXPUNGE")
    for client in (first, second):
        client.noop()
        assert client.identities() == ["m2", "m3", "m4", "m5"]


@scenario(variants=MATRIX)
def a_client_that_slept_is_told_everything_in_order(s):
    first, sleeper = pair(s, 10)
    for turn in range(5):
        first.ok("STORE %d +FLAGS (\\Deleted)" % (turn + 1))
        first.ok("EXPUNGE")
        first.append("INBOX", make_message("new%d" % turn))
        first.ok("STORE 1 +FLAGS (k%d)" % turn)
    first.learn()
    sleeper.noop()
    sleeper.noop()
    sleeper.learn()
    assert sleeper.identities() == first.identities()
    assert [message.flags - {"\\Recent"} for message in sleeper.messages] == [message.flags - {"\\Recent"} for message in first.messages]
