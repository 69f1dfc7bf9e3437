/* The one connection of an account: who dials, who hangs up, and who waits meanwhile. A model of src/mux/account.c,
 * src/mux/slot.c, src/mux/logins.c, src/mux/logins_trials.c, src/mux/verifier.c and the states of src/mux/upstream.c;
 * see README.md for what it leaves out. With SECOND the settings permit a short second connection (verify_connection).
 *
 * Every wake here is one task_wake there; every armed_ is a deadline that the account's step has set, and nothing but
 * the clock fires it. So a wake or a deadline that is forgotten shows as somebody who waits for ever. Time passes, and
 * clients leave, when nobody is woken (the runqueue is stepped to its end first); the server does not wait for that. */

#ifndef CLIENTS
#define CLIENTS 3
#endif
/* How often each comes. */
#ifndef VISITS
#define VISITS 1
#endif
#define NOBODY 255

/* Weak fairness forgets who can act only now and then: where it is checked that nobody waits for ever, they need not
 * wait for the runqueue. */
#ifdef LIVENESS
#define QUIET true
#else
#define QUIET (!wake)
#endif

/* Passwords: 0 and 1 are accepted by the server (1 only if it has app passwords), 2 never is. */
#define PASSWORDS 3
#define WRONG 2

/* enum upstream_state; GREETING and SECURING are parts of AUTHENTICATING here, the two IDLE states of READY. */
mtype = { DISCONNECTED, CONNECTING, AUTHENTICATING, READY, LOGGING_OUT, CLOSING };
/* enum refusal */
mtype = { NONE, LIMIT_OR_TEMPORARY, CREDENTIALS, UNKNOWN };
/* enum slot_state, with CONNECTING */
mtype = { AWAY, WORKING, CHECKING, LEAVING };
/* A client: not here, waiting for its login's answer, member, gone. */
mtype = { OUTSIDE, WAITING, MEMBER, GONE };

mtype upstream = DISCONNECTED;
bool was_ready, busy;
mtype refusal = NONE;
byte sent = NOBODY; /* the password that this connection logs in with */
byte lines;         /* connections that the server sees */

/* struct slot */
mtype slot = AWAY;
bool pausing; /* retry_at is to come */

/* struct account */
bool account, wake, ending, shutting_down;
bool unwanted;  /* unwanted_since: nobody is a member or wants to be */
bool lingering; /* linger has not passed since then */
byte members;

/* struct logins */
byte trying = NOBODY;            /* whose login: the trial LOGINS_ON_FIRST */
bool tries_in_place;             /* it is TRIAL_IN_PLACE */
bool tried_lately;               /* reverify_interval has not passed */
bool in_doubt;
bool known[PASSWORDS];           /* accepted */
byte current = NOBODY;           /* credential_list_newest */
bool login[CLIENTS];             /* in logins->waiting */
bool awaited[CLIENTS];           /* its done is set: somebody is to be told */
bool late[CLIENTS];              /* its deadline has come */
bool armed_login[CLIENTS], armed_retry, armed_trial, armed_linger;

#ifdef SECOND
/* the verifier: a connection that does nothing but log in and out */
mtype second = DISCONNECTED;
mtype second_refusal = NONE;
byte second_lines, second_sent = NOBODY;
byte trying_second = NOBODY; /* whose login: the trial LOGINS_ON_SECOND */
bool in_place[CLIENTS]; /* the second connection could not tell */
#define is_on_second(l) (trying_second == l)
#define SECOND_IS_OVER (second == DISCONNECTED)
#define uses_second(l) (!in_place[l])
#else
#define is_on_second(l) false
#define SECOND_IS_OVER true
#define uses_second(l) false
#endif
#define is_tried(l) (trying == l || is_on_second(l))

/* the registry's memory of refused passwords, and the server's mind */
bool rejected[PASSWORDS];
bool changed; /* the server accepts 0 no more */

mtype client[CLIENTS] = OUTSIDE;
byte password[CLIENTS];

#define accepts(p) ((p) == 1 || ((p) == 0 && !changed))
#define credentials (known[0] || known[1] || known[2])
#define logged_in (was_ready && upstream != DISCONNECTED)
#define HAS_LINK (upstream != DISCONNECTED && upstream != CLOSING)
#if CLIENTS == 2
#define some_login (login[0] || login[1])
#else
#define some_login (login[0] || login[1] || login[2])
#endif
#define BUSY (upstream != READY || busy)

byte i; /* only inside of atomic steps */
byte found;

/* --- slot.c */

/* The same edges as the table in slot.c. */
#define IS_EDGE(from, to) \
    ((from == AWAY && to == CONNECTING) || \
     (from == CONNECTING && (to == WORKING || to == AWAY || to == LEAVING)) || \
     (from == WORKING && (to == AWAY || to == CHECKING || to == LEAVING)) || \
     (from == CHECKING && (to == WORKING || to == AWAY || to == LEAVING)) || (from == LEAVING && to == AWAY))

inline set_slot(to)
{
    assert(slot == to || IS_EDGE(slot, to));
    slot = to
}

inline upstream_logout()
{
    if
    :: !HAS_LINK || upstream == LOGGING_OUT
    :: else ->
        if
        :: upstream == READY && !busy -> upstream = LOGGING_OUT
        :: else -> upstream = CLOSING
        fi
    fi
}

inline slot_log_out()
{
    if
    :: upstream == DISCONNECTED
    :: else -> set_slot(LEAVING); upstream_logout()
    fi
}

inline slot_check()
{
    set_slot(CHECKING);
    upstream_logout()
}

inline slot_dial()
{
    if
    :: slot == CHECKING
    :: else -> set_slot(CONNECTING)
    fi;
    upstream = CONNECTING;
    lines++;
    assert(lines == 1 && !shutting_down)
}

/* --- logins.c */

inline remove_login(l)
{
    assert(!is_tried(l));
    login[l] = false; awaited[l] = false; armed_login[l] = false; late[l] = false;
#ifdef SECOND
    in_place[l] = false;
#endif
    wake = true
}

/* answer(): a login whose password is on its way stays, without anybody to tell. */
inline answer(l, outcome)
{
    armed_login[l] = false;
    if
    :: awaited[l] -> awaited[l] = false; client[l] = outcome;
        if
        :: outcome == MEMBER -> members++
        :: else
        fi
    :: else
    fi;
    if
    :: is_tried(l) -> wake = true
    :: else -> remove_login(l)
    fi
}

inline logins_end()
{
    i = 0;
    do
    :: i < CLIENTS -> if :: login[i] -> answer(i, GONE) :: else fi; i++
    :: else -> break
    od
}

inline account_end_members()
{
    i = 0;
    do
    :: i < CLIENTS ->
        if
        :: client[i] == MEMBER -> client[i] = GONE; members--; wake = true
        :: else
        fi;
        i++
    :: else -> break
    od
}

inline consider(l)
{
    if
    :: !awaited[l]
    :: else ->
        if
        :: ending -> answer(l, GONE)
        :: else ->
            if
            :: !is_tried(l) && rejected[password[l]] -> answer(l, GONE)
            :: else ->
                if
                :: logged_in && known[password[l]] -> answer(l, MEMBER)
                :: else ->
                    if
                    :: late[l] -> answer(l, GONE)
                    :: else -> armed_login[l] = true
                    fi
                fi
            fi
        fi
    fi
}

/* The trial of a login ends: it waits again, or is gone if nobody waits for its answer. */
inline trial_end()
{
    found = trying; trying = NOBODY; tries_in_place = false;
    if
    :: !awaited[found] -> remove_login(found)
    :: else
    fi
}

inline logins_step()
{
    i = 0;
    do
    :: i < CLIENTS -> if :: login[i] -> consider(i) :: else fi; i++
    :: else -> break
    od;
    if /* trials_forget_unwanted */
    :: upstream == DISCONNECTED && trying != NOBODY && !awaited[trying] -> trial_end()
    :: else
    fi
}

/* --- logins_trials.c */

/* Any login may be the first of the list. */
inline next_candidate()
{
    found = NOBODY;
    i = 0;
    do
    :: i < CLIENTS ->
        if
        :: login[i] && awaited[i] && !known[password[i]] && !is_on_second(i) -> found = i
        :: login[i] && awaited[i] && !known[password[i]] && !is_on_second(i) && found != NOBODY -> skip
        :: else
        fi;
        i++
    :: else -> break
    od
}

/* Whose turn it is to be tried in place, or on the second connection. */
inline next_unknown(on_second)
{
    found = NOBODY;
    i = 0;
    do
    :: i < CLIENTS ->
        if
        :: login[i] && awaited[i] && !known[password[i]] && !is_on_second(i) && uses_second(i) == on_second -> found = i
        :: login[i] && awaited[i] && !known[password[i]] && !is_on_second(i) && uses_second(i) == on_second &&
               found != NOBODY -> skip
        :: else
        fi;
        i++
    :: else -> break
    od
}

/* The newest of those that are left, when one was refused. */
inline next_current()
{
    current = (known[0] -> 0 : (known[1] -> 1 : (known[2] -> 2 : NOBODY)))
}

inline logins_choose()
{
    if
    :: (!credentials || in_doubt) && trying == NOBODY -> next_candidate(); trying = found
    :: else
    fi;
    in_doubt = false;
    sent = NOBODY;
    if
    :: trying != NOBODY -> sent = password[trying]
    :: trying == NOBODY && credentials -> sent = current
    :: else
    fi
}

/* By the server's own word. */
inline refuse_all(p)
{
    rejected[p] = true;
    i = 0;
    do
    :: i < CLIENTS -> if :: login[i] && password[i] == p -> answer(i, GONE) :: else fi; i++
    :: else -> break
    od
}

/* What was accepted before is accepted no longer; with the last of that all members go. */
inline forget_known(p)
{
    if
    :: known[p] ->
        known[p] = false; next_current();
        if
        :: !credentials -> account_end_members()
        :: else
        fi
    :: else
    fi
}

/* credential_list_put_last */
inline put_last(p)
{
    if
    :: p == 0 && known[1] -> current = 1
    :: p == 1 && known[0] -> current = 0
    :: else
    fi
}

inline logins_failed()
{
    if
    :: refusal == CREDENTIALS ->
        forget_known(sent);
        if
        :: trying != NOBODY -> trial_end()
        :: else
        fi;
        refuse_all(sent)
    :: refusal != CREDENTIALS && trying == NOBODY ->
        if
        :: refusal == UNKNOWN && sent != NOBODY -> put_last(sent); in_doubt = true
        :: else
        fi
    :: refusal != CREDENTIALS && trying != NOBODY ->
        if
        :: tries_in_place && awaited[trying] && refusal != UNKNOWN /* asked again */
        :: awaited[trying] && (refusal == UNKNOWN || tries_in_place) -> /* everybody has waited long enough */
            found = trying; trying = NOBODY; tries_in_place = false; answer(found, GONE)
        :: !awaited[trying] || (refusal != UNKNOWN && !tries_in_place) -> trial_end()
        fi
    fi
}

inline logins_accepted()
{
    known[sent] = true; current = sent;
    if
    :: trying != NOBODY -> trial_end()
    :: else
    fi
}

/* --- account.c */

inline on_ready()
{
    set_slot(WORKING);
    was_ready = true; busy = false; upstream = READY;
    logins_accepted();
    wake = true
}

/* upstream_closed and on_closed: the link has said that its descriptor is closed. */
inline on_closed()
{
    upstream = DISCONNECTED; busy = false; lines--;
    if
    :: !was_ready || refusal != NONE -> logins_failed()
    :: else
    fi;
    pausing = !(tries_in_place && slot == CHECKING && was_ready);
    if
    :: tries_in_place && slot == CHECKING /* the check goes on */
    :: else -> set_slot(AWAY)
    fi;
    sent = NOBODY; refusal = NONE; was_ready = false;
    wake = true
}

inline reconnect()
{
    if
    :: pausing -> armed_retry = true
    :: else ->
        logins_choose();
        if
        :: sent != NOBODY -> slot_dial()
        :: else
        fi
    fi
}

inline try_in_place()
{
    trying = found; tries_in_place = true; tried_lately = true;
    assert(!ending);
    slot_check()
}

inline work()
{
    if
    :: (ending && members == 0) || (unwanted && !lingering) -> slot_log_out()
    :: else ->
        if
        :: unwanted -> armed_linger = true
        :: else
        fi;
        next_unknown(false);
        if
        :: trying == NOBODY && found != NOBODY && !tried_lately -> try_in_place()
        :: else ->
            if
            :: found != NOBODY -> armed_trial = true
            :: else
            fi;
            if
            :: busy = true; /* a job */
            :: skip
            fi
        fi
    fi
}

#ifdef SECOND
inline logins_try_on_second()
{
    if
    :: logged_in && !ending && trying == NOBODY && second == DISCONNECTED ->
        next_unknown(true);
        if
        :: found != NOBODY ->
            trying_second = found; second_sent = password[found];
            second = CONNECTING;
            second_lines++;
            assert(second_lines == 1 && !shutting_down)
        :: else
        fi
    :: else
    fi
}

inline end_second()
{
    found = trying_second; trying_second = NOBODY;
    if
    :: found != NOBODY && !awaited[found] -> remove_login(found)
    :: else
    fi
}

inline second_ready()
{
    known[second_sent] = true; current = second_sent;
    end_second();
    second = LOGGING_OUT;
    wake = true
}

inline second_closed()
{
    second = DISCONNECTED; second_lines--;
    if
    :: trying_second != NOBODY && second_refusal == CREDENTIALS ->
        forget_known(second_sent); end_second(); refuse_all(second_sent)
    :: trying_second != NOBODY && second_refusal != CREDENTIALS -> in_place[trying_second] = true; end_second()
    :: else
    fi;
    second_sent = NOBODY; second_refusal = NONE;
    wake = true
}

inline verifier_log_out()
{
    if
    :: second == CONNECTING || second == AUTHENTICATING -> second = CLOSING
    :: else
    fi
}
#endif

/* account_free frees logins that nobody waits for any more. */
inline go_away()
{
    assert(members == 0 && lines == 0 && SECOND_IS_OVER);
    trying = NOBODY;
    i = 0;
    do
    :: i < CLIENTS -> assert(!awaited[i]); login[i] = false; late[i] = false; armed_login[i] = false; i++
    :: else -> break
    od;
    assert(slot == AWAY);
    account = false; ending = false; tries_in_place = false; in_doubt = false; pausing = false; tried_lately = false;
    unwanted = false; lingering = false;
    known[0] = false; known[1] = false; known[2] = false; current = NOBODY;
    wake = false
}

inline note_wanted()
{
    if
    :: members > 0 || some_login -> unwanted = false; lingering = false
    :: members == 0 && !some_login && !unwanted -> unwanted = true; lingering = true
    :: else
    fi
}

inline step_away()
{
    if
    :: !tries_in_place -> set_slot(AWAY) /* slot_checked */
    :: else
    fi;
    if
    :: ending -> account_end_members()
    :: else
    fi;
    if
    :: !ending && (members > 0 || some_login) -> reconnect()
    :: else ->
        if
        :: members == 0 && !some_login && SECOND_IS_OVER -> go_away()
        :: else
        fi
    fi
}

inline step()
{
    armed_retry = false; armed_trial = false; armed_linger = false;
    logins_step();
#ifdef SECOND
    logins_try_on_second();
#endif
    note_wanted();
    if
    :: logged_in && !BUSY -> work()
    :: upstream == DISCONNECTED -> step_away()
    :: else
    fi
}

active proctype account_task()
{
end:
    do
    :: atomic { account && wake -> wake = false; step(); i = 0; found = NOBODY }
    od
}

/* --- the server and the line to it */

active proctype server()
{
end:
    do
    :: atomic { upstream == CONNECTING -> upstream = AUTHENTICATING }
    :: atomic { upstream == AUTHENTICATING && accepts(sent) -> on_ready() }
    :: atomic { upstream == AUTHENTICATING && !accepts(sent) -> refusal = CREDENTIALS; upstream = CLOSING }
    :: atomic { upstream == READY && busy -> busy = false; wake = true } /* the answer to a job */
    :: atomic { upstream == LOGGING_OUT -> upstream = CLOSING }
    :: atomic { upstream == CLOSING -> on_closed(); i = 0; found = NOBODY }
#ifdef SECOND
    :: atomic { second == CONNECTING -> second = AUTHENTICATING }
    :: atomic { second == AUTHENTICATING && accepts(second_sent) -> second_ready(); i = 0; found = NOBODY }
    :: atomic { second == AUTHENTICATING && !accepts(second_sent) -> second_refusal = CREDENTIALS; second = CLOSING }
    :: atomic { second == LOGGING_OUT -> second = CLOSING }
    :: atomic { second == CLOSING -> second_closed(); i = 0; found = NOBODY }
#ifndef KIND
    :: atomic { second == CONNECTING || second == AUTHENTICATING -> second_refusal = LIMIT_OR_TEMPORARY; second = CLOSING }
#endif
#endif
#ifndef KIND
    :: atomic { upstream == CONNECTING || upstream == AUTHENTICATING -> refusal = LIMIT_OR_TEMPORARY; upstream = CLOSING }
    :: atomic { upstream == AUTHENTICATING -> refusal = UNKNOWN; upstream = CLOSING }
    :: atomic { HAS_LINK && was_ready -> on_closed(); i = 0; found = NOBODY } /* dropped */
    :: atomic { !changed -> changed = true }
#endif
    od
}

/* --- time: what has been armed comes at last */

active proctype retry_time()
{
end:
    do
    :: atomic { armed_retry && QUIET -> armed_retry = false; pausing = false; wake = true }
    od
}

active proctype trial_time()
{
end:
    do
    :: atomic { armed_trial && QUIET -> armed_trial = false; tried_lately = false; wake = true }
    od
}

active proctype linger_time()
{
end:
    do
    :: atomic { armed_linger && QUIET -> armed_linger = false; lingering = false; wake = true }
    od
}

/* --- clients */

inline login_begin(l)
{
    if
    :: !account ->
        account = true; ending = shutting_down; unwanted = true; lingering = true
    :: else
    fi;
    client[l] = WAITING; login[l] = true; awaited[l] = true; late[l] = false;
    wake = true
}

proctype a_client(byte me)
{
    byte visits;

end_away:
    do
    /* Before it comes again its former login must be over: there is one slot for each. */
    :: atomic {
        visits < VISITS && !login[me] ->
            visits++;
            if
#ifdef ALL_PASSWORDS
            :: password[me] = 0
            :: password[me] = 1
            :: password[me] = WRONG
#else
            :: me <= 1 -> password[me] = 0
            :: me == 0 -> password[me] = 1
            :: me != 1 -> password[me] = WRONG
#endif
            fi;
            login_begin(me)
        };
wait:
        do
        :: atomic { client[me] != WAITING -> break }
#ifndef KIND
        :: atomic { client[me] == WAITING && armed_login[me] && QUIET -> armed_login[me] = false; late[me] = true; wake = true }
        /* It hangs up: login_cancel. */
        :: atomic {
            client[me] == WAITING && QUIET ->
                client[me] = GONE; awaited[me] = false; armed_login[me] = false;
                if
                :: is_tried(me) -> wake = true
                :: else -> remove_login(me)
                fi;
                break
            }
#endif
        od;
        do
        :: atomic { client[me] == MEMBER && QUIET -> client[me] = GONE; members--; wake = true }
        :: atomic { client[me] == GONE -> client[me] = OUTSIDE; break }
        od
    :: atomic { visits > 0 && !login[me] -> break }
    od
}

#ifndef KIND
/* registry_shutdown, which calls account_shutdown; later drain, for those that have not left of themselves. */
active proctype admin()
{
    if
    :: atomic {
        true ->
            shutting_down = true;
            if
            :: account ->
                ending = true;
                logins_end();
#ifdef SECOND
                verifier_log_out();
#endif
                if
                :: !logged_in -> slot_log_out()
                :: else
                fi;
                wake = true
            :: else
            fi;
            i = 0
        };
        atomic { QUIET -> account_end_members(); i = 0 }
    :: true
    fi
}
#endif

init {
    atomic {
        byte n = 0;
        do
        :: n < CLIENTS -> run a_client(n); n++
        :: else -> break
        od
    }
}

#define waiting0 (client[0] == WAITING)

/* Clients are alike: what holds for one holds for all. */
ltl served_or_refused { [] (waiting0 -> <> !waiting0) }
/* Once nobody is there and the program goes down, no connection is left. */
ltl goes_down { [] (shutting_down -> <> [] (lines == 0)) }
