/* The one connection of an account: who dials, who hangs up, and who waits meanwhile. A model of src/mux/account.c,
 * src/mux/login.c, src/mux/verification.c and the states of src/mux/upstream.c; see README.md for what it leaves out.
 * With SECOND the settings permit a short second connection (verify_connection).
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
/* A client: not here, waiting for its login's answer, member, gone. */
mtype = { AWAY, WAITING, MEMBER, GONE };

mtype upstream = DISCONNECTED;
bool was_ready, busy;
mtype refusal = NONE;
byte sent = NOBODY; /* the password that this connection logs in with */
byte lines;         /* connections that the server sees */

/* struct account */
bool account, wake, logged_in, verifying, in_doubt, ending, shutting_down;
bool pausing;                    /* retry_at is to come */
bool verified_lately;            /* reverify_interval has not passed */
bool lingering;                  /* linger has not passed since the last member left */
byte trying = NOBODY;            /* whose login */
bool known[PASSWORDS];           /* credentials */
byte current = NOBODY;           /* credential_current */
byte members;
bool login[CLIENTS];             /* in account->logins */
bool awaited[CLIENTS];           /* its done is set: somebody is to be told */
bool late[CLIENTS];              /* its deadline has come */
bool armed_login[CLIENTS], armed_retry, armed_verification, armed_linger;

#ifdef SECOND
/* the verifier: a connection that does nothing but log in and out */
mtype second = DISCONNECTED;
mtype second_refusal = NONE;
byte second_lines, second_sent = NOBODY;
byte checking = NOBODY; /* whose login */
bool in_place[CLIENTS]; /* the second connection could not tell */
#define is_checked(l) (checking == l)
#define SECOND_IS_OVER (second == DISCONNECTED)
#define uses_second(l) (!in_place[l])
#else
#define is_checked(l) false
#define SECOND_IS_OVER true
#define uses_second(l) false
#endif
#define is_tried(l) (trying == l || is_checked(l))

/* the registry's memory of refused passwords, and the server's mind */
bool rejected[PASSWORDS];
bool changed; /* the server accepts 0 no more */

mtype client[CLIENTS] = AWAY;
byte password[CLIENTS];

#define accepts(p) ((p) == 1 || ((p) == 0 && !changed))
#define credentials (known[0] || known[1] || known[2])
#define HAS_LINK (upstream != DISCONNECTED && upstream != CLOSING)
#if CLIENTS == 2
#define some_login (login[0] || login[1])
#else
#define some_login (login[0] || login[1] || login[2])
#endif
#define BUSY (upstream != READY || busy)

byte i; /* only inside of atomic steps */
byte found;

/* --- login.c */

inline remove_login(l)
{
    assert(!is_tried(l));
    login[l] = false; awaited[l] = false; armed_login[l] = false; late[l] = false;
#ifdef SECOND
    in_place[l] = false;
#endif
    if
    :: members == 0 -> lingering = true
    :: else
    fi;
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

inline fail_all()
{
    i = 0;
    do
    :: i < CLIENTS -> if :: login[i] -> answer(i, GONE) :: else fi; i++
    :: else -> break
    od
}

inline end_members()
{
    i = 0;
    do
    :: i < CLIENTS ->
        if
        :: client[i] == MEMBER -> client[i] = GONE; members--; lingering = true; wake = true
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

inline login_step()
{
    i = 0;
    do
    :: i < CLIENTS -> if :: login[i] -> consider(i) :: else fi; i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < CLIENTS ->
        if
        :: login[i] && credentials && verified_lately -> armed_verification = true
        :: else
        fi;
        i++
    :: else -> break
    od
}

/* Any login may be the first of the list. */
inline pick()
{
    found = NOBODY;
    i = 0;
    do
    :: i < CLIENTS ->
        if
        :: login[i] && awaited[i] && !known[password[i]] && !is_checked(i) -> found = i
        :: login[i] && awaited[i] && !known[password[i]] && !is_checked(i) && found != NOBODY -> skip
        :: else
        fi;
        i++
    :: else -> break
    od
}

/* The trial of a login ends: back in the queue, or gone if nobody waits for it. verifying: it was IN_PLACE. */
inline trial_end()
{
    found = trying; trying = NOBODY; verifying = false;
    if
    :: !awaited[found] -> remove_login(found)
    :: else
    fi
}

/* Nobody waits any more for what was to be tried next. */
inline drop_deserted()
{
    if
    :: trying != NOBODY && !awaited[trying] -> trial_end()
    :: else
    fi
}

/* Whose turn it is to be tried in place, or on the second connection. */
inline pick_unknown(on_second)
{
    found = NOBODY;
    i = 0;
    do
    :: i < CLIENTS ->
        if
        :: login[i] && awaited[i] && !known[password[i]] && !is_checked(i) && uses_second(i) == on_second -> found = i
        :: login[i] && awaited[i] && !known[password[i]] && !is_checked(i) && uses_second(i) == on_second &&
               found != NOBODY -> skip
        :: else
        fi;
        i++
    :: else -> break
    od
}

/* The next of those that are left, when one was refused. */
inline next_current()
{
    current = (known[0] -> 0 : (known[1] -> 1 : (known[2] -> 2 : NOBODY)))
}

inline login_choose()
{
    if
    :: (!credentials || in_doubt) && trying == NOBODY -> pick(); trying = found
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

inline reject(p)
{
    rejected[p] = true;
    if
    :: trying != NOBODY -> trial_end()
    :: else
    fi;
    i = 0;
    do
    :: i < CLIENTS -> if :: login[i] && password[i] == p -> answer(i, GONE) :: else fi; i++
    :: else -> break
    od
}

inline login_failed()
{
    if
    :: refusal == CREDENTIALS ->
        if
        :: trying != NOBODY ->
            if
            :: known[sent] -> known[sent] = false; next_current(); reject(sent);
                if
                :: !credentials -> end_members()
                :: else
                fi
            :: else -> reject(sent)
            fi
        :: trying == NOBODY && credentials ->
            reject(sent); known[sent] = false; next_current();
            if
            :: !credentials -> end_members()
            :: else
            fi
        :: else
        fi
    :: refusal == UNKNOWN && trying != NOBODY ->
        found = trying; trying = NOBODY; verifying = false; answer(found, GONE)
    :: refusal != CREDENTIALS && !(refusal == UNKNOWN && trying != NOBODY) ->
        if
        :: trying == NOBODY -> in_doubt = (refusal == UNKNOWN)
        :: trying != NOBODY && verifying && awaited[trying] /* asked again */
        :: trying != NOBODY && verifying && awaited[trying] -> /* everybody has waited long enough */
            found = trying; trying = NOBODY; verifying = false; answer(found, GONE)
        :: trying != NOBODY && !(verifying && awaited[trying]) -> trial_end()
        fi
    fi
}

inline login_accepted()
{
    if
    :: trying != NOBODY -> known[sent] = true; current = sent; trial_end()
    :: else -> verifying = false
    fi
}

/* --- account.c */

inline on_ready()
{
    logged_in = true; was_ready = true; busy = false; upstream = READY;
    login_accepted();
    wake = true
}

/* upstream_closed and on_closed: the link has said that its descriptor is closed. */
inline closed()
{
    upstream = DISCONNECTED; busy = false; lines--;
    logged_in = false;
    if
    :: !was_ready || refusal != NONE -> login_failed()
    :: else
    fi;
    pausing = !(verifying && was_ready);
    sent = NOBODY; refusal = NONE; was_ready = false;
    wake = true
}

inline dial()
{
    if
    :: pausing -> armed_retry = true
    :: else ->
        login_choose();
        if
        :: sent != NOBODY ->
            upstream = CONNECTING;
            lines++;
            assert(lines == 1 && !shutting_down)
        :: else
        fi
    fi
}

inline logout()
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

inline work()
{
    if
    :: ending -> logout()
    :: else ->
        pick_unknown(false);
        if
        :: members == 0 && !some_login && !lingering -> logout()
        :: members == 0 && !some_login && lingering -> armed_linger = true
        :: else ->
            if
            :: some_login && trying == NOBODY && !verified_lately && found != NOBODY ->
                trying = found; verifying = true; verified_lately = true;
                logout()
            :: else ->
                if
                :: busy = true; /* a job */
                :: skip
                fi
            fi
        fi
    fi
}

#ifdef SECOND
inline verification_step()
{
    if
    :: logged_in && !ending && trying == NOBODY && second == DISCONNECTED ->
        pick_unknown(true);
        if
        :: found != NOBODY ->
            checking = found; second_sent = password[found];
            second = CONNECTING;
            second_lines++;
            assert(second_lines == 1 && !shutting_down)
        :: else
        fi
    :: else
    fi
}

inline end_check()
{
    found = checking; checking = NOBODY;
    if
    :: found != NOBODY && !awaited[found] -> remove_login(found)
    :: else
    fi
}

inline second_ready()
{
    known[second_sent] = true; current = second_sent;
    end_check();
    second = LOGGING_OUT;
    wake = true
}

inline second_closed()
{
    second = DISCONNECTED; second_lines--;
    if
    :: checking != NOBODY && second_refusal == CREDENTIALS ->
        rejected[second_sent] = true;
        if
        :: known[second_sent] ->
            known[second_sent] = false; next_current();
            if
            :: !credentials -> end_members()
            :: else
            fi
        :: else
        fi;
        end_check();
        i = 0;
        do
        :: i < CLIENTS -> if :: login[i] && password[i] == second_sent -> answer(i, GONE) :: else fi; i++
        :: else -> break
        od
    :: checking != NOBODY && second_refusal != CREDENTIALS -> in_place[checking] = true; end_check()
    :: else
    fi;
    second_sent = NOBODY; second_refusal = NONE;
    wake = true
}

inline verification_abandon()
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
    account = false; ending = false; verifying = false; in_doubt = false; pausing = false; verified_lately = false; lingering = false;
    known[0] = false; known[1] = false; known[2] = false; current = NOBODY;
    wake = false
}

inline step()
{
    armed_retry = false; armed_verification = false; armed_linger = false;
    login_step();
    if
    :: upstream == DISCONNECTED -> drop_deserted()
    :: else
    fi;
#ifdef SECOND
    verification_step();
#endif
    if
    :: upstream == DISCONNECTED ->
        if
        :: ending || (members == 0 && !some_login) ->
            if
            :: members == 0 && !some_login && SECOND_IS_OVER -> go_away()
            :: else
            fi
        :: else -> dial()
        fi
    :: upstream != DISCONNECTED && logged_in && !BUSY -> work()
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
    :: atomic { upstream == CLOSING -> closed(); i = 0; found = NOBODY }
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
    :: atomic { HAS_LINK && was_ready -> closed(); i = 0; found = NOBODY } /* dropped */
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

active proctype verification_time()
{
end:
    do
    :: atomic { armed_verification && QUIET -> armed_verification = false; verified_lately = false; wake = true }
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
        account = true; ending = shutting_down; lingering = true
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
        :: atomic { client[me] == MEMBER && QUIET -> client[me] = GONE; members--; wake = true; if :: members == 0 -> lingering = true :: else fi }
        :: atomic { client[me] == GONE -> client[me] = AWAY; break }
        od
    :: atomic { visits > 0 && !login[me] -> break }
    od
}

#ifndef KIND
/* registry_shutdown */
active proctype admin()
{
    if
    :: atomic {
        true ->
            shutting_down = true;
            if
            :: account ->
                ending = true;
                fail_all();
                end_members();
#ifdef SECOND
                verification_abandon();
#endif
                if
                :: !logged_in || !BUSY -> logout()
                :: else
                fi;
                wake = true
            :: else
            fi;
            i = 0
        }
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
