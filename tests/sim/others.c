/* Writers deliver, flag and expunge in the store. Faults strike the line of one user, or the store, or the clock. */
#include "sim/others.h"

#include "sim/link.h"
#include "sim/server.h"

/* --- writers */

static void write_something(struct sim *sim, struct dice *dice, unsigned writer)
{
    struct user *user = &sim->users[dice_below(dice, sim->plan.users)];
    struct box *box = user->boxes;
    unsigned what = dice_below(dice, 100);
    struct message *message;

    for (unsigned i = dice_below(dice, sim->plan.boxes + 1); i > 0 && box->next; i--)
        box = box->next;
    if (box->gone)
        return;
    message = box_living(box, dice_below(dice, box->living));
    if (box->living > 60)
        what = 99;
    if (what < 45 && box->all_count > 1500)
        what = 60;
    if (!message || what < 45) {
        message =
            box_deliver(box, identity_new(user, dice), dice_percent(dice, 70) ? 0 : dice_below(dice, ALL_FLAGS + 1));
        sim_note(sim, "writer%u: delivers UID %u to %s of %s", writer, message->uid, box->name, user->name);
    } else if (what < 75) {
        uint32_t flags = message->flags ^ (1u << dice_below(dice, FLAGS));
        sim_note(sim, "writer%u: flags UID %u in %s of %s: %s", writer, message->uid, box->name, user->name,
                 flags_print(user, flags, false));
        message_set_flags(message, flags, false);
    } else {
        sim_note(sim, "writer%u: expunges UID %u from %s of %s", writer, message->uid, box->name, user->name);
        message_expunge(message);
    }
}

static void run_writer(struct task *task, usec now)
{
    struct writer *writer = (struct writer *)task;
    struct sim *sim = writer->sim;
    struct dice dice = dice_make(sim->seed, DICE_WRITER, writer->number, writer->act);
    bool cut = cuts_hold(sim->cuts, CUT_WRITER_ACT, writer->number, writer->act);

    if (sim->quiet || writer->acts_left == 0)
        return;
    writer->act++;
    writer->acts_left--;
    task_set_deadline(task, now + 1 + (usec)random_below(&dice.random, (uint64_t)sim->plan.writer_pause * 2));
    if (!cut)
        write_something(sim, &dice, writer->number);
}

void writers_make(struct sim *sim)
{
    sim->writers = memory_take(&sim->memory, sizeof(*sim->writers) * (sim->plan.writers + 1));
    for (unsigned i = 0; i < sim->plan.writers; i++) {
        sim->writers[i].sim = sim;
        sim->writers[i].number = i;
        task_init(&sim->writers[i].task, sim->runqueue, run_writer);
    }
}

void writers_begin_round(struct sim *sim)
{
    usec length = (usec)sim->plan.acts * sim->plan.think;
    uint64_t acts = (uint64_t)(length / sim->plan.writer_pause) + 1;

    for (unsigned i = 0; i < sim->plan.writers; i++) {
        sim->writers[i].acts_left = acts < 300 ? (unsigned)acts : 300;
        if (!cuts_hold(sim->cuts, CUT_WRITER, i, 0))
            task_set_deadline(&sim->writers[i].task, sim_now(sim) + 1 + (usec)i * 7);
    }
}

void writers_clear(struct sim *sim)
{
    for (unsigned i = 0; sim->writers && i < sim->plan.writers; i++)
        task_clear(&sim->writers[i].task);
}

/* --- faults */

static void disturb(struct user *user, usec longer)
{
    user_disturbed(user, sim_now(user->sim) + longer);
}

void disturb_all(struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.users; i++)
        disturb(&sim->users[i], 0);
}

void disturbances_jump(struct sim *sim, usec jump)
{
    for (unsigned i = 0; i < sim->plan.users; i++)
        sim->users[i].disturbed_at += jump;
}

static void strike_line(struct user *user, const struct fault *fault)
{
    struct sim *sim = user->sim;
    struct link *link = user->session_count > 0 ? link_of(user, fault->amount % user->session_count) : NULL;

    if (!link)
        return;
    disturb(user, 0);
    switch (fault->kind) {
    case FAULT_CUT_ANSWER:
        link_cut_answer_after(link, fault->amount);
        disturb(user, USEC_HOUR); /* whenever it strikes */
        break;
    case FAULT_CUT_COMMAND:
        link_cut_command_after(link, fault->amount % 200);
        disturb(user, USEC_HOUR);
        break;
    case FAULT_STALL:
        link_stall(link, sim_now(sim) + (usec)fault->amount * (USEC_SECOND / 20));
        disturb(user, (usec)fault->amount * (USEC_SECOND / 20));
        break;
    case FAULT_BYE:
        link_bye(link, "[UNAVAILABLE] going down");
        break;
    case FAULT_GARBAGE:
        link_inject(link, fault->amount % 2 ? "* 1 FETCH (FLAGS (\\Seen" : "* ) what is this \"");
        disturb(user, USEC_HOUR);
        break;
    case FAULT_DROP:
    case FAULT_REFUSE_CONNECT:
    case FAULT_REFUSE_GREETING:
    case FAULT_REFUSE_LOGIN:
    case FAULT_NEW_VALIDITY:
    case FAULT_TIME_JUMPS:
    case FAULT_DELETED_ELSEWHERE:
    case FAULT_MODSEQS_FALL:
        if (fault->amount % 3 == 0)
            user->ghost_until = sim_now(sim) + (usec)(fault->amount % 20) * USEC_SECOND;
        link_drop(link);
    }
}

static void strike_box(struct user *user, const struct fault *fault)
{
    struct sim *sim = user->sim;
    struct box *box = user->boxes;
    struct dice dice = dice_make(sim->seed, DICE_FAULT, fault->amount, 0);
    struct box *fresh;

    for (unsigned i = fault->amount % (sim->plan.boxes + 1); i > 0 && box->next; i--)
        box = box->next;
    if (box->gone || server_watching(user, box))
        return; /* what a server does then is its own affair */
    disturb(user, 0);
    sim_note(sim, "%s of %s is another one now", box->name, user->name);
    box_end(box);
    fresh = box_new(user, box->name);
    for (unsigned i = dice_below(&dice, 8); i > 0; i--)
        box_deliver(fresh, identity_new(user, &dice), dice_below(&dice, ALL_FLAGS + 1));
}

static void strike(struct sim *sim, const struct fault *fault)
{
    struct user *user = &sim->users[fault->user];

    switch (fault->kind) {
    case FAULT_DROP:
    case FAULT_CUT_ANSWER:
    case FAULT_CUT_COMMAND:
    case FAULT_STALL:
    case FAULT_BYE:
    case FAULT_GARBAGE:
        strike_line(user, fault);
        return;
    case FAULT_REFUSE_CONNECT:
        user->refuse_connect += 1 + fault->amount % 5;
        strike_line(user, fault);
        return;
    case FAULT_REFUSE_GREETING:
        user->refuse_greeting += 1 + fault->amount % 5;
        strike_line(user, fault);
        return;
    case FAULT_REFUSE_LOGIN:
        user->refuse_login += 1 + fault->amount % 5;
        strike_line(user, fault);
        return;
    case FAULT_NEW_VALIDITY:
    case FAULT_DELETED_ELSEWHERE:
        strike_box(user, fault);
        return;
    case FAULT_TIME_JUMPS:
        disturb_all(sim);
        sim->jump = (usec)fault->amount * USEC_SECOND;
        return;
    case FAULT_MODSEQS_FALL:
        for (struct box *box = user->boxes; box; box = box->next)
            box_begin_modseqs(box);
        strike_line(user, fault);
        return;
    }
}

static void run_fault(struct task *task, usec now)
{
    static const char *const names[] = {
        "drop",         "cut answer",      "cut command", "stall",    "BYE",     "refuse connect", "refuse greeting",
        "refuse login", "new UIDVALIDITY", "time jumps",  "replaced", "garbage", "modseqs fall"};
    struct fault_task *fault_task = (struct fault_task *)task;
    struct sim *sim = fault_task->sim;
    const struct fault *fault = &sim->plan.faults[fault_task->index];

    (void)now;
    if (sim->quiet || cuts_hold(sim->cuts, CUT_FAULT, 0, fault_task->index))
        return;
    sim->faults++;
    sim_note(sim, "FAULT %u: %s, %s, %u", fault_task->index, sim->users[fault->user].name, names[fault->kind],
             fault->amount);
    strike(sim, fault);
}

void faults_begin_round(struct sim *sim)
{
    usec length = (usec)sim->plan.acts * sim->plan.think;

    if (!sim->fault_tasks) {
        sim->fault_tasks = memory_take(&sim->memory, sizeof(*sim->fault_tasks) * (sim->plan.fault_count + 1));
        for (unsigned i = 0; i < sim->plan.fault_count; i++) {
            sim->fault_tasks[i].sim = sim;
            sim->fault_tasks[i].index = i;
            task_init(&sim->fault_tasks[i].task, sim->runqueue, run_fault);
        }
    }
    for (unsigned i = 0; i < sim->plan.fault_count; i++) {
        const struct fault *fault = &sim->plan.faults[i];
        if ((unsigned)(fault->at / length) == sim->round)
            task_set_deadline(&sim->fault_tasks[i].task, sim_now(sim) + 1 + fault->at % length);
    }
}

void faults_end(struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.users; i++) {
        struct user *user = &sim->users[i];
        struct link *link;
        user->refuse_connect = user->refuse_greeting = user->refuse_login = 0;
        user->ghost_until = -1;
        user->arrivals_owed = 0;
        if (user->disturbed_at > sim_now(sim))
            user->disturbed_at = sim_now(sim);
        for (unsigned n = 0; (link = link_of(user, n)); n++) {
            link_cut_answer_after(link, UINT32_MAX);
            link_cut_command_after(link, UINT32_MAX);
        }
    }
}

void faults_clear(struct sim *sim)
{
    for (unsigned i = 0; sim->fault_tasks && i < sim->plan.fault_count; i++)
        task_clear(&sim->fault_tasks[i].task);
}

void faults_out_of_memory(struct sim *sim)
{
    sim->faults++;
    sim_note(sim, "FAULT: out of memory");
    disturb_all(sim);
}
