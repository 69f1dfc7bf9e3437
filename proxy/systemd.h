/* Telling systemd how it goes: sd_notify(3) by hand. Nothing happens when systemd did not start the program. */
#ifndef IMAPMUX_PROXY_SYSTEMD_H
#define IMAPMUX_PROXY_SYSTEMD_H

/* Start or reload is complete. */
void systemd_ready(void);
void systemd_reloading(void); /* systemd_ready must follow */
/* The end has begun. */
void systemd_stopping(void);

#endif
