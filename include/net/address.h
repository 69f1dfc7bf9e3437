/* An address of a peer or of ourselves: its text for the log, whether it is this machine, and the key under which
 * connections of one address are counted. */
#ifndef IMAPMUX_NET_ADDRESS_H
#define IMAPMUX_NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
    struct sockaddr_storage storage;
    socklen_t length; /* 0: none */
};

#define ADDRESS_TEXT_SIZE 64

/* Copies the address. NULL, or longer than a sockaddr_storage: none (length 0). */
void address_set(struct address *address, const struct sockaddr *from, socklen_t length);
bool address_of_socket(struct address *address, int descriptor); /* our side of a connection; false: none */
/* "192.0.2.1:143", "[2001:db8::1]:143", "local" for a socket without an address. Returns buffer. */
const char *address_text(const struct address *address, char buffer[ADDRESS_TEXT_SIZE]);
/* The same without the port and brackets. Returns buffer. */
const char *address_host(const struct address *address, char buffer[ADDRESS_TEXT_SIZE]);
void address_take_port(struct address *address,
                       const struct address *from);      /* both of one family, or nothing happens */
bool address_is_loopback(const struct address *address); /* 127.0.0.0/8, ::1, the same mapped; a Unix socket too */
/* localhost, or a literal of a loopback address, brackets taken off already. */
bool address_name_is_loopback(const char *host);

/* An IPv4 address, mapped ones too, or the first 64 bits of an IPv6 one (a subscriber has at least those). Zero for
 * sockets without an address. */
struct address_key {
    uint8_t bytes[8];
};
/* The key under which connections of this address are counted. */
struct address_key address_key(const struct address *address);
uint64_t address_number(const struct address *address); /* the same key as a number */

#endif
