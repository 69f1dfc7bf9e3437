/* Several upstream sessions of one account: which of them takes which job. A model of src/mux/slots_pick.c, with the
 * holding of mailboxes (src/mux/selection_hold.c); see README.md for what it leaves out.
 *
 * A session picks any job that it admits, in no order but that of the barrier before commands that take names away: what
 * holds for every order holds for the real one. Clients come a few times each. So a job that nobody ever takes shows as
 * an end of the run in which its client still waits. */

#ifndef SESSIONS
#define SESSIONS 2
#endif
#ifndef CLIENTS
#define CLIENTS 3
#endif
/* How often each comes. */
#ifndef VISITS
#define VISITS 2
#endif
/* Connections that are lost in all. */
#ifndef LOSSES
#define LOSSES 1
#endif

/* Mailboxes 1 (INBOX) and 2; 0: none. */
#define MAILBOXES 2

mtype = { WORK, PLAIN, TAKE_AWAY };

typedef session {
    byte selected, opening, leaving; /* mailboxes: what the session holds */
    byte job                         /* the client whose job has its turn, counted from 1; 0: none has */
};
session at[SESSIONS];

/* A client's job: WORK needs `about`; TAKE_AWAY concerns it, or with 0 both mailboxes. */
mtype kind[CLIENTS + 1];
byte about[CLIENTS + 1];

/* struct jobs: those that wait, in the order of their coming */
byte queue[CLIENTS];
byte waiting;

bool idled[MAILBOXES + 1]; /* clients idle there */
byte losses;

#define holds(t, m) (at[t].selected == m || at[t].opening == m || at[t].leaving == m)
#define needs(t, m) (holds(t, m) || (at[t].job != 0 && kind[at[t].job] == WORK && about[at[t].job] == m))
#define concerns(c, m) (kind[c] == TAKE_AWAY && (about[c] == 0 || about[c] == m))

byte t, m, n, worker, found; /* only inside of atomic steps, as the next ones: see forget */
bool ok, rests, helps;

/* What a step has worked out is no part of the state after it. */
inline forget()
{
    t = 0; m = 0; n = 0; worker = 0; found = 0;
    ok = false; rests = false; helps = false
}

/* slots_worker: the fewest idlers, not INBOX at a tie, the last at another */
inline find_worker()
{
    worker = SESSIONS - 1;
    t = SESSIONS - 1;
    do
    :: t > 0 ->
        t--;
        if
        :: idled[at[t].selected] < idled[at[worker].selected] ||
           (idled[at[t].selected] == idled[at[worker].selected] && at[worker].selected == 1) -> worker = t
        :: else
        fi
    :: else -> break
    od
}

/* admits(): may session s take the job of client c? */
inline admits(s, c)
{
    ok = true;
    if
    :: kind[c] == TAKE_AWAY ->
        t = 0;
        do
        :: t < SESSIONS ->
            if
            :: t != s && ((at[t].job != 0 && kind[at[t].job] == TAKE_AWAY) || (needs(t, 1) && concerns(c, 1)) ||
                          (needs(t, 2) && concerns(c, 2))) -> ok = false
            :: else
            fi;
            t++
        :: else -> break
        od
    :: else
    fi;
    if
    :: kind[c] != WORK ->
#ifdef RESTING_TAKES_NOTHING_AWAY
        ok = ok && (!rests || helps)
#else
        ok = ok && (!rests || helps || (at[s].selected != 0 && concerns(c, at[s].selected)))
#endif
    :: else -> /* is_elsewhere, and those before it that take its name away */
        t = 0;
        do
        :: t < SESSIONS ->
            if
            :: t != s && (needs(t, about[c]) || (at[t].job != 0 && concerns(at[t].job, about[c]))) -> ok = false
            :: else
            fi;
            t++
        :: else -> break
        od;
        n = 0;
        do
        :: n < waiting && queue[n] != c ->
            if
            :: concerns(queue[n], about[c]) -> ok = false
            :: else
            fi;
            n++
        :: else -> break
        od;
        ok = ok && (!rests || needs(s, about[c]))
    fi
}

inline look_out(s)
{
    find_worker();
    rests = worker != s && at[s].selected != 0 && idled[at[s].selected];
    helps = rests && at[worker].job != 0
}

/* leaves_for_another(): a session before this one has what is to be taken away, too */
inline makes_way(s)
{
    ok = false;
    n = 0;
    do
    :: n < waiting ->
        t = 0;
        do
        :: t < s ->
            ok = ok || (at[s].selected != 0 && concerns(queue[n], at[s].selected) && at[t].selected != 0 &&
                        concerns(queue[n], at[t].selected));
            t++
        :: else -> break
        od;
        n++
    :: else -> break
    od
}

inline take_off(c)
{
    n = 0;
    found = 0;
    do
    :: n < waiting ->
        if
        :: queue[n] == c -> found = 1
        :: else -> queue[n - found] = queue[n]
        fi;
        n++
    :: else -> break
    od;
    waiting = waiting - found
}

/* mailbox_claim() */
inline claim(s, box)
{
    t = 0;
    do
    :: t < SESSIONS -> assert(t == s || !holds(t, box)); t++
    :: else -> break
    od;
    at[s].leaving = (at[s].selected == box -> 0 : at[s].selected);
    at[s].selected = 0;
    at[s].opening = box
}

inline forget_all(s)
{
    at[s].selected = 0; at[s].opening = 0; at[s].leaving = 0;
    at[s].job = 0
}

/* Its job waits again, after all others. */
inline lose(s)
{
    losses++;
    if
    :: at[s].job != 0 -> queue[waiting] = at[s].job; waiting++
    :: else
    fi;
    forget_all(s)
}

/* The command of a client's job runs, all that it needs being done. */
inline carry_out(s)
{
    if
    :: kind[at[s].job] == TAKE_AWAY ->
        t = 0;
        do
        :: t < SESSIONS ->
            assert(!(holds(t, 1) && concerns(at[s].job, 1)) && !(holds(t, 2) && concerns(at[s].job, 2)));
            t++
        :: else -> break
        od
    :: kind[at[s].job] == WORK -> assert(at[s].selected == about[at[s].job])
    :: else
    fi
}

bool answered[CLIENTS + 1];
bool wake[SESSIONS]; /* task_wake: the account's step looks at every session */

inline wake_all()
{
    t = 0;
    do
    :: t < SESSIONS -> wake[t] = true; t++
    :: else -> break
    od
}

/* watch: a session that has nothing selected goes to a mailbox where clients idle, if a job for it is admitted. */
inline park(s)
{
    m = 1;
    do
    :: m <= MAILBOXES && at[s].selected == 0 && at[s].opening == 0 ->
        ok = idled[m];
        t = 0;
        do
        :: t < SESSIONS -> ok = ok && !needs(t, m) && !(at[t].job != 0 && concerns(at[t].job, m)); t++
        :: else -> break
        od;
        n = 0;
        do
        :: n < waiting -> ok = ok && !concerns(queue[n], m); n++
        :: else -> break
        od;
        if
        :: ok -> claim(s, m)
        :: else
        fi;
        m++
    :: else -> break
    od
}

proctype slot(byte s)
{
    byte c, candidate;

end:
    do
    :: atomic {
        wake[s] && at[s].job == 0 && at[s].opening == 0 && at[s].leaving == 0 ->
        wake[s] = false;
        makes_way(s);
        if
        :: ok -> at[s].leaving = at[s].selected; at[s].selected = 0
        :: else ->
            look_out(s);
            c = 0;
            candidate = 255;
            do
            :: c < waiting ->
                admits(s, queue[c]);
                if
                :: ok -> candidate = c; break
                :: ok -> candidate = c; c++
                :: !ok -> c++
                fi
            :: c >= waiting -> break
            od;
            if
            :: candidate != 255 -> at[s].job = queue[candidate]; take_off(at[s].job); wake_all()
            :: else -> park(s)
            fi
        fi;
        c = 0;
        candidate = 0;
        forget() }

    /* the answer to the command that selects or leaves */
    :: atomic { at[s].opening != 0 -> at[s].selected = at[s].opening; at[s].opening = 0; at[s].leaving = 0; wake_all(); forget() }
    :: atomic { at[s].opening == 0 && at[s].leaving != 0 -> at[s].leaving = 0; wake_all(); forget() }

    /* what a job needs, one command at a time */
    :: atomic { at[s].job != 0 && at[s].opening == 0 && at[s].leaving == 0 ->
        if
        :: kind[at[s].job] == WORK && at[s].selected != about[at[s].job] -> claim(s, about[at[s].job])
        :: kind[at[s].job] == TAKE_AWAY && at[s].selected != 0 && concerns(at[s].job, at[s].selected) ->
            at[s].leaving = at[s].selected;
            at[s].selected = 0
        :: else -> carry_out(s); answered[at[s].job] = true; at[s].job = 0; wake_all()
        fi;
        forget() }

    :: atomic { losses < LOSSES -> lose(s); wake_all(); forget() }
    od
}

proctype client(byte c)
{
    byte visit;

    do
    :: visit < VISITS ->
        atomic {
            if
            :: kind[c] = WORK; about[c] = 1
            :: kind[c] = WORK; about[c] = 2
            :: kind[c] = PLAIN; about[c] = 0
            :: kind[c] = TAKE_AWAY; about[c] = 0
            :: kind[c] = TAKE_AWAY; about[c] = 2
            fi;
            answered[c] = false;
            queue[waiting] = c;
            waiting++;
            wake_all();
            forget()
        }
        answered[c];
        visit++
    :: else -> break
    od
}

init
{
    atomic {
        if
        :: idled[1] = true
        :: skip
        fi;
        if
        :: idled[2] = true
        :: skip
        fi;
        m = 0;
        do
        :: m < SESSIONS -> run slot(m); m++
        :: else -> break
        od;
        m = 1;
        do
        :: m <= CLIENTS -> run client(m); m++
        :: else -> break
        od;
        wake_all();
        forget()
    }
}
