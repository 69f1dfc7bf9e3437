/* One line for a refused client. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <event2/dns.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/refusal_link.h"
#include "unit/net/bench.h"

Test(refusal_link, says_why_and_closes)
{
    struct bench bench;
    struct refusal_links links = {0};
    int pair[2];
    char got[64] = "";

    bench_open(&bench);
    links.base = bench.base;
    links.runqueue = bench.runqueue;
    bench_sockets(pair);
    refusal_link_open(&links, pair[0], NULL, "[LIMIT] too many");
    bench_rounds(&bench, 5);
    cr_assert_gt(bench_read(pair[1], got, sizeof(got)), 0);
    cr_assert_str_eq(got, "* BYE [LIMIT] too many\r\n");
    cr_assert_eq(links.count, 1);
    close(pair[1]);
    bench_rounds(&bench, 5);
    cr_assert_eq(links.count, 0);
    bench_close(&bench);
}

Test(refusal_link, lives_five_seconds_at_most)
{
    struct bench bench;
    struct refusal_links links = {0};
    int pair[2];

    bench_open(&bench);
    links.base = bench.base;
    links.runqueue = bench.runqueue;
    bench_sockets(pair);
    refusal_link_open(&links, pair[0], NULL, "no");
    bench_rounds(&bench, 3);
    bench.ahead = 6 * USEC_SECOND;
    bench_rounds(&bench, 3);
    cr_assert_eq(links.count, 0);
    close(pair[1]);
    bench_close(&bench);
}
