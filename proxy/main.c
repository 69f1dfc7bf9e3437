/* The program: reads its command line and its file, then runs one worker until a signal ends it. */
#include <stdio.h>

int main(void)
{
    puts("imapmux " IMAPMUX_VERSION);
    return 0;
}
