/* Orders: commands that clients have sent, what they mean by them (messages, never numbers), and what the server has
 * carried out of them. Whatever the server is made to do must be somebody's order, and no order is carried out
 * twice. */
#ifndef IMAPMUX_TESTS_SIM_ORDERS_H
#define IMAPMUX_TESTS_SIM_ORDERS_H

#include "sim/resume.h"
#include "sim/store.h"
#include "sim/wire.h"

enum order_kind {
    ORDER_PLAIN, /* nothing to be judged but its answer */
    ORDER_LOGIN,
    ORDER_NOOP,
    ORDER_IDLE,
    ORDER_SELECT,
    ORDER_EXAMINE,
    ORDER_LIST,
    ORDER_STATUS,
    ORDER_FETCH,
    ORDER_STORE,
    ORDER_COPY,
    ORDER_MOVE,
    ORDER_EXPUNGE,
    ORDER_CLOSE,
    ORDER_UNSELECT,
    ORDER_SEARCH,
    ORDER_APPEND,
    ORDER_CREATE,
    ORDER_DELETE,
    ORDER_RENAME,
    ORDER_LOGOUT,
};

/* Items of FETCH. */
enum {
    ITEM_UID = 1,
    ITEM_FLAGS = 2,
    ITEM_SIZE = 4,
    ITEM_DATE = 8,
    ITEM_BODY = 16,   /* BODY[] */
    ITEM_HEADER = 32, /* BODY[HEADER] */
    ITEM_TEXT = 64,   /* BODY[TEXT] */
    ITEM_ID = 128,    /* BODY[HEADER.FIELDS (X-ID)] */
    ITEM_PART = 256,  /* BODY[]<3.40> */
    ITEM_RFC822 = 512,
    ITEM_ENVELOPE = 1024,
};
/* Options of RETURN. */
enum {
    RETURN_MIN = 1,
    RETURN_MAX = 2,
    RETURN_ALL = 4,
    RETURN_COUNT = 8,
    RETURN_SAVE = 16,
    RETURN_GIVEN = 32, /* RETURN was written */
};
#define PART_START 3u
#define PART_COUNT 40u

struct aim { /* one message that an order is about */
    uint32_t uid;
    struct message *message; /* NULL: the client does not know which */
    uint32_t number;         /* in the replica, when it was sent */
    unsigned answered;       /* FETCH: items */
    bool done, removed;      /* COPY, STORE, EXPUNGE: carried out; MOVE: copied, and expunged */
    bool credited;           /* STORE: an execution has been put down to it */
    uint32_t before;         /* and the flags before that */
    uint64_t modseq;         /* and the modseq behind it */
    bool had_been;           /* and the message had had the flags that it was given, at some time before */
    bool sole;               /* STORE: nobody else had ordered the same then */
    unsigned changes_before; /* of the message, and when it was stored */
    usec stored_at;
};

struct order {
    struct order *next;           /* of the user */
    struct order *next_of_client; /* in the order in which they were sent */
    struct client *client;
    struct user *user;
    enum order_kind kind;
    bool uid; /* its UID form */
    char tag[16];
    unsigned number; /* of the client's orders */
    uint64_t end;    /* in the client's octets: it is whole once they have been delivered */
    uint64_t begun;  /* so much of it has come in a packet of its own; 0: it comes whole */
    bool whole;
    bool numbers;    /* SEARCH: a key is by number, also in its UID form */
    bool closed;     /* answered, or given up before it was whole */
    char answer[64]; /* "OK", "NO [CODE]": once it has come */
    usec sent_at;
    unsigned copy_number; /* among the user's COPY and MOVE */
    bool alone;           /* no other COPY or MOVE of the user was open when it was sent */
    bool quiet;           /* nothing has changed since */

    struct box *box; /* that was selected */
    bool read_only;
    struct aim *aims; /* by number, and SEARCH: all that was counted; by UID: those heard of */
    unsigned aim_count, aim_capacity;
    struct ranges *uids; /* UID form: the set as written */
    bool open_ended;     /* the set ends in * */
    bool in_pieces;      /* its packet, or one behind it, was cut in the middle of a line */
    bool disturbed;      /* its end is not known: the client is gone */

    unsigned items; /* FETCH */
    bool peek;
    int sign; /* STORE: '+', '-' or ' ' */
    bool silent;
    uint32_t flags;              /* STORE, APPEND */
    const char *name, *new_name; /* of mailboxes */
    struct identity *identity;   /* APPEND */
    unsigned carried_out;        /* how often, where once is enough to know */
    struct search_key_of *key;   /* SEARCH */
    unsigned options;            /* SEARCH: of RETURN; 0: none was written */
    struct message **told;       /* SEARCH: what SAVE saves, as ESEARCH has told it */
    unsigned told_count;
    bool told_known; /* it has told all of that */
    bool dollar;     /* its set is `$` */
    bool vague;      /* and what that is nobody knows */
    bool search_answered, status_answered;
    uint32_t superfluous; /* STORE: a number that was answered in spite of .SILENT; 0: none */
    bool cut_short;       /* by the model itself: no judgement */
    struct resume resume; /* SELECT */
    const char *password; /* LOGIN */
    bool right_password;
};

struct server;

struct order *order_new(struct client *client, enum order_kind kind);
/* The server does something: whose order is it? Fails the run if it is nobody's. */
void order_stored(struct server *server, struct message *message, int sign, uint32_t flags);
void order_seen(struct server *server, struct message *message); /* \Seen by FETCH */
void order_copied(struct server *server, struct message *const *messages, unsigned count, struct slice target,
                  bool move);
void order_expunged(struct server *server, struct message *message);
void order_appended(struct server *server, struct slice target, struct identity *identity, uint32_t flags);
void order_expunge_runs(struct server *server); /* EXPUNGE has been sent up, whatever it finds */
void order_folder(struct server *server, enum order_kind kind, struct slice name, struct slice new_name);

/* All is quiet: fails the run if a message was copied by a MOVE, by COPY, and has not been removed. */
void orders_judge_moves(struct sim *sim);

/* Which aim is this message? By UID one is made if it is in the set. NULL: the order is not about it. */
struct aim *order_aim(struct order *order, struct message *message);
struct aim *order_add_aim(struct order *order);
/* Has the server copied this message to the order's target once for this order (and not for others)? */
bool order_has_copied(const struct order *order, const struct message *message);
void order_settle(struct order *order, bool ok); /* what has been carried out is put down to those that remain */
void order_close(struct order *order);           /* answered: nothing of it may be carried out any more */

#endif
