/* Telling systemd how it goes: sd_notify(3) by hand. Nothing happens when systemd did not start the program. */
#ifndef IMAPMUX_PROXY_SYSTEMD_H
#define IMAPMUX_PROXY_SYSTEMD_H

void systemd_ready(void);
void systemd_reloading(void); /* systemd_ready must follow */
void systemd_stopping(void);

#endif
