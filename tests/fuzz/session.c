/* A whole session against a whole upstream. The input is cut at octets of 0xff into orders: a letter and what it needs.
 *
 *   A B C D bytes  client 0 to 3 sends them (and connects first); D is a client of the second upstream
 *   s bytes        the server of the newest line sends them (@ and 0xfe are tags: see line_say)
 *   S bytes        the server of the oldest line
 *   t x            time passes, as the table says for x
 *   e x, x x       client x closes its sending side; closes
 *   z x            client x stops taking octets, or goes on
 *   k, K           the newest, the oldest line breaks
 *   d x            how the next dial goes (enum dial_outcome)
 */
#include <string.h>

#include "fuzz/bench.h"
#include "fuzz/fuzz.h"

#define ORDERS_MAX 400

static const usec times[] = {
    1000,
    20 * 1000,
    60 * 1000,
    500 * 1000,
    USEC_SECOND,
    2 * USEC_SECOND,
    5 * USEC_SECOND,
    10 * USEC_SECOND,
    30 * USEC_SECOND,
    USEC_MINUTE,
    3 * USEC_MINUTE,
    10 * USEC_MINUTE,
    USEC_HOUR,
    5 * USEC_HOUR,
};

static void server_says(struct dialled *line, struct slice bytes)
{
    if (!line)
        return;
    line->stuck = false;
    line_say(line, bytes);
}

static void line_breaks(struct dialled *line)
{
    if (line)
        line_close(line, "closed by the server");
}

static void of_client(struct client *client, char letter)
{
    if (letter == 'e')
        client_eof(client);
    else if (letter == 'x')
        client_close(client);
    else
        client->slow = !client->slow;
}

static void obey(struct bench *bench, char letter, struct slice rest)
{
    unsigned argument = rest.length > 0 ? (unsigned char)rest.data[0] : 0;

    if (letter >= 'A' && letter < 'A' + BENCH_CLIENTS)
        client_say(&bench->clients[letter - 'A'], rest);
    else if (letter == 's' || letter == 'S')
        server_says(letter == 's' ? line_newest(bench) : line_oldest(bench), rest);
    else if (letter == 't')
        bench_pass_time(bench, times[argument % (sizeof(times) / sizeof(*times))]);
    else if (letter == 'e' || letter == 'x' || letter == 'z')
        of_client(&bench->clients[argument % BENCH_CLIENTS], letter);
    else if (letter == 'k' || letter == 'K')
        line_breaks(letter == 'k' ? line_newest(bench) : line_oldest(bench));
    else if (letter == 'd')
        bench->next_dial = (enum dial_outcome)(argument % DIAL_OUTCOMES);
    bench_settle(bench);
}

static struct slice next_order(struct slice *input)
{
    const char *end = memchr(input->data, 0xff, input->length);
    size_t length = end ? (size_t)(end - input->data) : input->length;
    struct slice order = {input->data, length};

    length += end != NULL;
    *input = (struct slice){input->data + length, input->length - length};
    return order;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size};
    unsigned how = fuzz_option(&input, 256);
    struct bench bench;

    bench_begin(&bench, how & 1, how & 2);
    for (unsigned orders = 0; input.length > 0 && orders < ORDERS_MAX; orders++) {
        struct slice order = next_order(&input);
        if (order.length > 0)
            obey(&bench, order.data[0], (struct slice){order.data + 1, order.length - 1});
    }
    bench_end(&bench, how & 4);
    return 0;
}
